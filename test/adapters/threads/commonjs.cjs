module.exports = (task) => ["commonjs", task];
module.exports.named = (task) => ["named", task];
