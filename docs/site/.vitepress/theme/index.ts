// The reader's own font: it needs no download, and the drawings use it too.
import Theme from "vitepress/theme-without-fonts";
// oxlint-disable-next-line import/no-unassigned-import -- a style has no name
import "./style.css";

export default Theme;
