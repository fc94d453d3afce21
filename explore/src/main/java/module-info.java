import org.jspecify.annotations.NullMarked;

/** The story of November 2023 as a scenario over the production rooms, and a search over its schedules. */
@NullMarked
module redoubt.explore {
    requires static org.jspecify;
    requires redoubt.personality;
    requires redoubt.sim;
    requires redoubt.keeper;

    exports redoubt.explore;
}
