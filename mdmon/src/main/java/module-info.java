import org.jspecify.annotations.NullMarked;

/** The metadata daemon outside the engine: it knows attributes and doors, and never what is behind them. */
@NullMarked
module redoubt.mdmon {
    requires static org.jspecify;
    requires transitive redoubt.metadata;
    requires transitive redoubt.block;
    requires transitive redoubt.control;

    exports redoubt.mdmon;
}
