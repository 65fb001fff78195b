// Plain old JavaScript on purpose: it must parse on the very Node versions that it turns away.
var needed = [22, 19];
var found = process.versions.node.split(".").map(Number);
if (found[0] < needed[0] || (found[0] === needed[0] && found[1] < needed[1])) {
  console.error(
    "laneway needs Node " +
      needed.join(".") +
      " or newer and found " +
      process.versions.node +
      ": run `npm ci` (it brings a Node of its own; newer npm versions ask you to allow that package's install script).",
  );
  process.exit(1);
}
