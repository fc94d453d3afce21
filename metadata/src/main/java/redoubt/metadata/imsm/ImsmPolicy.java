package redoubt.metadata.imsm;

import redoubt.metadata.ConsistencyPolicy;
import redoubt.metadata.RaidLevel;

/** The values of rwh_policy, how a volume closes the write hole (docs/FORMATS.md, "Volume"), in mdadm's words. */
final class ImsmPolicy {

    static final int OFF = 0;
    static final int DISTRIBUTED = 1;
    static final int JOURNALING_DRIVE = 2;
    static final int MULTIPLE_DISTRIBUTED = 3;
    static final int MULTIPLE_PPLS_JOURNALING_DRIVE = 4;
    static final int MULTIPLE_OFF = 5;
    static final int BITMAP = 6;

    private ImsmPolicy() {}

    static boolean off(int policy) {
        return policy == OFF || policy == MULTIPLE_OFF;
    }

    static boolean distributed(int policy) {
        return policy == DISTRIBUTED || policy == MULTIPLE_DISTRIBUTED;
    }

    /** The value for a wish, -1 where there is none; {@code now} is the value before, which decides between the two ways of off. */
    static int of(ConsistencyPolicy policy, RaidLevel level, int now) {
        return switch (policy) {
            case NONE, RESYNC -> now == BITMAP ? OFF : MULTIPLE_OFF;
            case PPL -> level == RaidLevel.RAID5 ? MULTIPLE_DISTRIBUTED : -1;
            case BITMAP -> level.redundant() ? BITMAP : -1;
            case JOURNAL -> -1;
        };
    }

    static String words(int policy) {
        return switch (policy) {
            case OFF, MULTIPLE_OFF -> "off";
            case DISTRIBUTED -> "PPL distributed";
            case JOURNALING_DRIVE -> "PPL journaling drive";
            case MULTIPLE_DISTRIBUTED -> "Multiple distributed PPLs";
            case MULTIPLE_PPLS_JOURNALING_DRIVE -> "Multiple PPLs on journaling drive";
            case BITMAP -> "Write-intent bitmap";
            default -> "<unknown:" + policy + ">";
        };
    }
}
