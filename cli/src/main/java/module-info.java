import org.jspecify.annotations.NullMarked;

/** Parses words, wires the rooms together and prints. Sees every room and is seen by none. */
@NullMarked
module redoubt.cli {
    requires static org.jspecify;
    requires redoubt.base;
    requires redoubt.workqueue;
    requires redoubt.kernfs;
    requires redoubt.control;
    requires redoubt.block;
    requires redoubt.md;
    requires redoubt.personality;
    requires redoubt.metadata;
    requires redoubt.mdmon;
    requires redoubt.keeper;
    requires redoubt.assembly;
    requires redoubt.nbd;
    requires redoubt.fuse;
    requires redoubt.explore;
    requires java.management;
    requires info.picocli;
    requires tools.jackson.databind;

    // picocli fills annotated fields, Jackson reads records: both by reflection, and nobody else looks in here.
    opens redoubt.cli to
            info.picocli,
            tools.jackson.databind;
}
