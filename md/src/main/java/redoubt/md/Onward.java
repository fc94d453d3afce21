package redoubt.md;

import redoubt.block.IoRequest;

/** Where a request goes that was kept waiting. Called on whatever thread let it go; never blocks. */
@FunctionalInterface
interface Onward {

    void go(IoRequest request);
}
