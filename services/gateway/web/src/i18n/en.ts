/** The page in English; the other languages have the same keys. */
export const en = {
  welcome: "Welcome", hello: "Choose a name that the others will see. You come in as a guest; there is nothing to sign up for.",
  yourName: "Your name", comeIn: "Come in", haveToken: "I have a token", asGuest: "Come in as a guest", token: "Token", leave: "Leave this browser",
  newConversation: "New conversation", newTrack: "Plan a track", search: "Search conversations", showArchived: "archived, too", conversations: "Conversations",
  showList: "Show conversations", untitled: "Conversation", nothingFound: "Nothing found.", noSessions: "Your conversations will be here.",
  rename: "Rename", archive: "Archive", unarchive: "Bring back", delete: "Delete", restore: "Undo", deleted: "Deleted.", more: "More",
  chats: "Chats", newChat: "New chat", chat: "Chat", newTitle: "New title", save: "Save", cancel: "Cancel", close: "Close",
  message: "Message", messages: "Messages", writeHere: "Write a message", ask: "ask the assistant", send: "Send", stop: "Stop", you: "You", assistant: "Assistant",
  start: "What shall we talk about?", startHint: "Write below and a conversation begins. Invite others into it, or plan a track with the assistant.",
  nothingSaid: "Nothing has been said here yet.", toLatest: "Newest messages", unseen: "New messages", loading: "Loading …", beginning: "The beginning",
  waiting: "waits for its turn", thinking: "is thinking", planning: "is writing the plan", pending: "on its way", sendLater: "sent as soon as there is a connection",
  refused: "Not sent", retry: "Try again", discard: "Discard", edited: "edited", redacted: "This message was taken back.", erased: "This message was erased.",
  edit: "Edit", redact: "Take back", again: "Answer again", sayAnew: "Edit and ask again", copy: "Copy", copied: "Copied.", previous: "Previous", next: "Next",
  tokens: "tokens", stopped: "stopped", failed: "The reply failed", seenBy: "Seen by", isWriting: "is writing …", areWriting: "are writing …",
  switched: "answers from here on", joined: "came in", agent: "Agent", agents: "Who answers here",
  invite: "Invite", invited: "The invite link is in the clipboard.", inviteLink: "Invite link: pass it on", people: "Who is here", here: "here now", away: "away",
  owner: "owner", member: "member", viewer: "reads", remove: "Remove",
  track: "Track", title: "Title", description: "What is it about?", difficulty: "Level", beginner: "Beginner", intermediate: "Intermediate", advanced: "Advanced",
  hours: "Hours", expectations: "What do you expect of it?", begin: "Begin planning", trackHint: "Say what you want to learn or do. An assistant makes a plan with you, and you make it final when it is right.",
  finalize: "Make the plan final", plan: "Plan", modules: "modules", h: "h",
  export: "Export", exportAs: "Export as", timeline: "Look back", asItWas: "As it was", backToNow: "Back to now", event: "event",
  test: "Test the model", testing: "Asking the model …", works: "answers", worksNot: "The model does not answer",
  connected: "connected", connecting: "connecting", reconnecting: "reconnecting; what you write is kept", disconnected: "not connected", offline: "offline; what you write is kept",
  position: "position", settings: "Settings", theme: "Appearance", light: "Light", dark: "Dark", auto: "As the system", language: "Language",
  chatNames: {} as Record<string, string>, // of the chats a session opens with; the log has them in English
  degraded: { projector: "lists may be a moment old", history: "older history can't be read right now", bus: "new messages have to wait", storage: "there is no room for new messages" } as Record<string, string>,
  errors: {
    100: "Something went wrong. Try again in a moment.", 101: "This token is not good.", 103: "You may not do that here.", 106: "That is too much of it.", 107: "The gateway could not read that.",
    109: "Your access has ended. Come in again.", 111: "Too fast. Try again in a moment.", 404: "This does not exist, or you are not part of it.", 409: "Somebody was faster. Look again and try once more.",
    410: "This conversation was deleted.", 413: "That is too long.", 429: "Too many at once. Try again in a moment.", 503: "The service is not available for a moment.",
  } as Record<number, string>,
};
export type Words = typeof en;
