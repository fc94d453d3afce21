import org.jspecify.annotations.NullMarked;

/** The RAID levels: where data lies (arithmetic, tested on paper) apart from what is done with it. */
@NullMarked
module redoubt.personality {
    requires static org.jspecify;
    requires transitive redoubt.md;

    exports redoubt.personality;
}
