import { mount } from "svelte";
import "./app.css";
import { load, name } from "./lib/settings";
import { choose, speak } from "./lib/text";

const { language } = load(localStorage.getItem(name));
const lang = choose(language !== "" ? [language] : navigator.languages);
await speak(lang);
document.documentElement.lang = lang;
// After the language: components take their words when they are made.
const { default: App } = await import("./ui/App.svelte");
mount(App, { target: document.getElementById("console")! });
