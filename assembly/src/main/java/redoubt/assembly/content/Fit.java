package redoubt.assembly.content;

/** How something that was found at the beginning of a content fits its size. */
enum Fit {
    /** Nothing was found. */
    ABSENT,
    /** It does not say how large it is, or it is smaller, as what was made for another place. */
    LOOSE,
    /** It is as large as what it stands in. */
    FILLS;

    private static final long SLACK_MAX = 16 << 20;
    private static final int SLACK_SHARE = 64;

    /**
     * By its own word on its size. The slack is what file systems leave at the end: a last group that is too small to be used.
     *
     * @param own the size that it states, at most {@code size}
     */
    static Fit of(long own, long size) {
        return own > 0 && own <= size && size - own <= Math.min(SLACK_MAX, size / SLACK_SHARE) ? FILLS : LOOSE;
    }
}
