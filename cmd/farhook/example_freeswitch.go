package main

// freeswitchExample is the part of the example about a FreeSWITCH. A test takes the comment signs away, and checks what is left.
const freeswitchExample = `
  # A FreeSWITCH, over its event socket (mod_event_socket). docs/freeswitch.md says how to set it up, and what has been seen to work.
  # - name: office
  #   kind: freeswitch
  #   settings:
  #     address: "127.0.0.1:8021"
  #     # USER@DOMAIN of the directory (userauth), where farhook is not to have the event socket's own password. Empty: it has.
  #     user: ""
  #     password: "secret"
  #     # Of the phones.
  #     domain: pbx.example.com
  #     dialplan: XML
  #     # Where calls of devices run that have no context of their own. Empty: the PBX is asked for the user's user_context.
  #     context: ""
  #     # The phones. number is what others reach it by, empty: user. style: what the phone does when it is asked by SIP; empty: as its User-Agent
  #     # says, by styles and a table that farhook has. GroupPickupCall takes calls of devices of the same pickup_group.
  #     devices:
  #       - {user: "1001", number: "+15551001", name: "Ada Brandt", context: international, pickup_group: sales}
  #       - {user: "1002", number: "+15551002", style: {header: call-info, notify: "yes"}}
  #     # Phones of the domain that register are devices, too: those whose user is a number.
  #     registrations: true
  #     # By what a User-Agent begins with. header: alert-info, call-info or off, by which the phone is made to answer at once; value: of the header.
  #     # notify: whether it obeys NOTIFY talk and hold; "no": to hold, the other party is parked with music.
  #     styles:
  #       - {agent: "Acme 9", header: alert-info, value: "info=alert-autoanswer", notify: "no"}
  #     # Seconds that the caller's own phone may ring when farhook makes a call.
  #     ring_time: 20
  #     ringback: "%(1000,3000,425)"
  #     music: local_stream://moh
  #     # Conference rooms are called by this and an id, with a profile of mod_conference.
  #     room: farhook-
  #     room_profile: default
  #     # What may be dialled: never a comma, bar, brace, quote, dollar, backslash or space.
  #     dial_characters: "0123456789*#+"
  #     # A lot of mod_valet_parking, and its slots.
  #     park: {lot: office, slots: ["501", "502"]}
  #     # The commands by which the dialplan keeps a feature: {user}, {domain}, {number} and {seconds} are filled in. An empty answer to get is off.
  #     features:
  #       do_not_disturb: {set: "db insert/dnd/{user}/true", clear: "db delete/dnd/{user}", get: "db select/dnd/{user}"}
  #       forward_immediate: {set: "db insert/cfu/{user}/{number}", clear: "db delete/cfu/{user}", get: "db select/cfu/{user}"}
  #     # How the dialplan tells that a feature was changed at a phone: a CUSTOM event, and its headers.
  #     feature_events:
  #       - subclass: "feature::changed"
  #         device: Device
  #         feature: Feature
  #         value: Value
  #         names: {dnd: do_not_disturb, cfu: forward_immediate}
  #     digits: false        # tell which keys are pressed in calls, PINs too
  #     # Answer phones that synchronise their features (as-feature-event).
  #     feature_sync: false
`
