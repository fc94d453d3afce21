/** Work items and the queues that run them; a queue that serves memory reclaim has its own context from the start. */
package redoubt.workqueue;
