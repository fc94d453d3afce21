import org.jspecify.annotations.NullMarked;

/** Fakes with faults, the contract suites that fakes and real things both pass, and the inspection after each test. */
@NullMarked
module redoubt.testkit {
    requires static org.jspecify;
    requires transitive redoubt.block;
    requires transitive redoubt.kernfs;
    requires transitive redoubt.control;
    requires transitive redoubt.workqueue;
    requires transitive redoubt.sim;
    requires transitive org.assertj.core;
    requires transitive org.junit.jupiter.api;
    requires transitive org.junit.jupiter.params;

    exports redoubt.testkit;
}
