import org.jspecify.annotations.NullMarked;

/** Benchmarks, each beside the peer it is compared with. Holds nothing that ships. */
@NullMarked
module redoubt.bench {
    requires jmh.core;
    requires static org.jspecify;
    requires redoubt.base;
    requires redoubt.workqueue;
    requires redoubt.kernfs;
    requires redoubt.control;
    requires redoubt.block;
    requires redoubt.md;
    requires redoubt.personality;
    requires redoubt.metadata;
    requires redoubt.keeper;
    requires redoubt.assembly;
    requires redoubt.nbd;
    requires redoubt.sim;
    requires tools.jackson.databind;
}
