/** `laneway/dscp`: packets marked by lane, for networks and queues that know the marks. */

export { markedDispatcher } from "./dscp/dispatcher.ts";
export type { MarkedDispatcherOptions, UndiciModule } from "./dscp/dispatcher.ts";
export { markedConnect, markOf } from "./dscp/connect.ts";
export type { Mark, MarkedConnectOptions } from "./dscp/connect.ts";
export { listenOnBoth } from "./dscp/listen.ts";
export { markReplies } from "./dscp/replies.ts";
