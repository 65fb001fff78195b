/** A worker file that ends its thread when it is loaded. */

process.exit(3);
