package redoubt.metadata;

import java.util.ArrayList;
import java.util.List;

/** How mdadm writes md's numbers; the same for all of md's formats. */
public final class MdWords {

    /** What mdadm writes where it has no word. */
    public static final String UNKNOWN = "-unknown-";

    private static final int RAID10_OFFSET = 1 << 16;

    private static final List<String> PARITY_LAYOUTS = List.of(
            "left-asymmetric",
            "right-asymmetric",
            "left-symmetric",
            "right-symmetric",
            "parity-first",
            "parity-last",
            "",
            "",
            "ddf-zero-restart",
            "ddf-N-restart",
            "ddf-N-continue",
            "",
            "",
            "",
            "",
            "",
            "left-asymmetric-6",
            "right-asymmetric-6",
            "left-symmetric-6",
            "right-symmetric-6",
            "parity-first-6");

    private MdWords() {}

    /** The layout of a RAID5 or RAID6. */
    public static String parityLayout(int layout) {
        return layout >= 0
                        && layout < PARITY_LAYOUTS.size()
                        && !PARITY_LAYOUTS.get(layout).isEmpty()
                ? PARITY_LAYOUTS.get(layout)
                : UNKNOWN;
    }

    /** The layout of a RAID10. */
    public static String raid10Layout(int layout) {
        int near = layout & 0xFF;
        int far = layout >>> 8 & 0xFF;
        List<String> words = new ArrayList<>();
        if (near > 1 || far == 1) {
            words.add("near=" + near);
        }
        if (far > 1) {
            words.add(((layout & RAID10_OFFSET) != 0 ? "offset=" : "far=") + far);
        }
        return String.join(", ", words);
    }
}
