package redoubt.metadata.imsm;

/** The attribute bits of a container (docs/FORMATS.md, "Header"): what a reader must understand before it may activate a volume. */
final class ImsmAttributes {

    static final int RAID0 = 0x00000001;
    static final int RAID1 = 0x00000002;
    static final int RAID10 = 0x00000004;
    static final int RAID5 = 0x00000010;
    static final int EXP_STRIPE_SIZE = 0x00000040;
    static final int RAID10_EXT = 0x00000080;
    static final int DISK_2TB = 0x04000000;
    static final int BBM = 0x08000000;
    static final int VOLUME_2TB = 0x20000000;
    static final int NEVER_USE_PMP = 0x40000000;
    static final int CHECKSUM_VERIFY = 0x80000000;

    private static final int ACCEPTED = RAID0
            | RAID1
            | RAID10
            | RAID5
            | EXP_STRIPE_SIZE
            | RAID10_EXT
            | DISK_2TB
            | BBM
            | VOLUME_2TB
            | NEVER_USE_PMP
            | CHECKSUM_VERIFY;

    private ImsmAttributes() {}

    /** The bits that nobody here understands; while one is set no volume of the container may be activated. */
    static int unsupported(int attributes) {
        return attributes & ~ACCEPTED;
    }
}
