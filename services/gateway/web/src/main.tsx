/** The page at `/`. */
import { render } from "preact";
import { language, speak } from "./i18n";
import "./style/index.css";
import { App } from "./views/App";
import { dress } from "./views/Settings";

dress();
speak(language.value);
render(<App />, document.body);
