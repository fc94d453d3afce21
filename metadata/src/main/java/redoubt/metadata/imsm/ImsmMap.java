package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import redoubt.metadata.Bytes;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/**
 * Where a volume's data lies: geometry, state and members, 48 bytes and 4 for each member (docs/FORMATS.md, "map").
 *
 * <pre>
 *    0 pba_of_lba0_lo (4)       4 blocks_per_member_lo (4)   8 num_data_stripes_lo (4)
 *   12 blocks_per_strip (2)    14 map_state (1)             15 raid_level (1)
 *   16 num_members (1)         17 num_domains (1)           18 failed_disk_num (1)   19 ddf (1)
 *   20 pba_of_lba0_hi (4)      24 blocks_per_member_hi (4)  28 num_data_stripes_hi (4)
 *   32 filler (16)             48 disk_ord_tbl (4 each)
 * </pre>
 *
 * On 4096-byte disks pba_of_lba0, blocks_per_member and blocks_per_strip count 4096 bytes; num_data_stripes is never scaled.
 *
 * @param firstSector first sector of the volume on each member (pba_of_lba0)
 * @param blocksPerMember sectors used on each member, with the trailing region of 2048
 * @param dataStripes num_data_stripes; see {@link ImsmGeometry} for its meaning
 * @param blocksPerStrip chunk in sectors
 * @param state 0 normal, 1 uninitialized, 2 degraded, 3 failed
 * @param raidLevel as on disk: 1 also stands for RAID10
 * @param domains copies, as written; not to be relied on
 * @param failedSlot lowest failed slot, 0xFF for none
 * @param ddf kept as found; mdadm writes 1
 * @param filler kept as found
 * @param slots for each slot its disk
 */
public record ImsmMap(
        long firstSector,
        long blocksPerMember,
        long dataStripes,
        int blocksPerStrip,
        int state,
        int raidLevel,
        int domains,
        int failedSlot,
        int ddf,
        Bytes filler,
        List<ImsmOrd> slots) {

    static final int NORMAL = 0;
    static final int UNINITIALIZED = 1;
    static final int DEGRADED = 2;
    static final int FAILED = 3;
    static final int NO_FAILED_SLOT = 0xFF;
    static final int FILLER_BYTES = 16;

    private static final int HEADER_BYTES = 48;
    static final int ORD_BYTES = 4;

    private static final int FIRST_SECTOR_LO_AT = 0;
    private static final int PER_MEMBER_LO_AT = 4;
    private static final int STRIPES_LO_AT = 8;
    private static final int STRIP_AT = 12;
    static final int STATE_AT = 14;
    private static final int LEVEL_AT = 15;
    private static final int MEMBERS_AT = 16;
    private static final int DOMAINS_AT = 17;
    static final int FAILED_SLOT_AT = 18;
    private static final int DDF_AT = 19;
    private static final int FIRST_SECTOR_HI_AT = 20;
    private static final int PER_MEMBER_HI_AT = 24;
    private static final int STRIPES_HI_AT = 28;
    private static final int FILLER_AT = 32;
    static final int ORDS_AT = 48;

    /** Takes an unchangeable copy of the slots. */
    public ImsmMap {
        slots = List.copyOf(slots);
    }

    static ImsmMap read(ImsmMpb mpb, int at, int diskCount, String what) throws MetadataRefused {
        mpb.need(at, HEADER_BYTES, what);
        byte[] block = mpb.block();
        int members = LittleEndian.u8(block, at + MEMBERS_AT);
        if (members == 0) {
            throw mpb.refused("member count of " + what, at + MEMBERS_AT, "it is 0, and a volume has members");
        }
        mpb.need(at, HEADER_BYTES + ORD_BYTES * members, what);
        int state = LittleEndian.u8(block, at + STATE_AT);
        if (state > FAILED) {
            throw mpb.refused("state of " + what, at + STATE_AT, "it is " + state + ", and 0 to 3 exist");
        }
        int strip = LittleEndian.u16(block, at + STRIP_AT);
        if (Integer.bitCount(strip) != 1) {
            throw mpb.refused(
                    "chunk of " + what, at + STRIP_AT, "it is " + strip + " blocks, which is not a power of two");
        }
        ImsmMap map = new ImsmMap(
                mpb.sectors(at + FIRST_SECTOR_LO_AT, at + FIRST_SECTOR_HI_AT, "first sector of " + what),
                mpb.sectors(at + PER_MEMBER_LO_AT, at + PER_MEMBER_HI_AT, "blocks per member of " + what),
                mpb.count(at + STRIPES_LO_AT, at + STRIPES_HI_AT, "stripe count of " + what),
                strip * mpb.unit(),
                state,
                LittleEndian.u8(block, at + LEVEL_AT),
                LittleEndian.u8(block, at + DOMAINS_AT),
                LittleEndian.u8(block, at + FAILED_SLOT_AT),
                LittleEndian.u8(block, at + DDF_AT),
                Bytes.of(block, at + FILLER_AT, FILLER_BYTES),
                readSlots(mpb, at, members, diskCount, what));
        String objection = ImsmGeometry.levelObjection(map.raidLevel, members);
        if (!objection.isEmpty()) {
            throw mpb.refused("level of " + what, at + LEVEL_AT, objection);
        }
        return map;
    }

    private static List<ImsmOrd> readSlots(ImsmMpb mpb, int at, int members, int diskCount, String what)
            throws MetadataRefused {
        List<ImsmOrd> slots = new ArrayList<>(members);
        boolean[] taken = new boolean[diskCount];
        for (int slot = 0; slot < members; slot++) {
            int ordAt = at + ORDS_AT + ORD_BYTES * slot;
            ImsmOrd ord = new ImsmOrd(LittleEndian.word(mpb.block(), ordAt));
            String which = "slot " + slot + " of " + what;
            if (ord.index() >= diskCount) {
                throw mpb.refused(
                        which, ordAt, "it names disk " + ord.index() + ", and the table has " + diskCount + " disks");
            }
            // mdadm itself leaves a doubled index in a slot that is out of sync, when it deletes an entry that another
            // volume still names.
            if (!ord.outOfSync()) {
                if (taken[ord.index()]) {
                    throw mpb.refused(
                            which, ordAt, "it names disk " + ord.index() + ", which has another slot already");
                }
                taken[ord.index()] = true;
            }
            slots.add(ord);
        }
        return slots;
    }

    void write(byte[] block, int at, int unit) {
        LittleEndian.putJoined(block, at + FIRST_SECTOR_LO_AT, at + FIRST_SECTOR_HI_AT, firstSector / unit);
        LittleEndian.putJoined(block, at + PER_MEMBER_LO_AT, at + PER_MEMBER_HI_AT, blocksPerMember / unit);
        LittleEndian.putJoined(block, at + STRIPES_LO_AT, at + STRIPES_HI_AT, dataStripes);
        LittleEndian.putU16(block, at + STRIP_AT, blocksPerStrip / unit);
        LittleEndian.putU8(block, at + STATE_AT, state);
        LittleEndian.putU8(block, at + LEVEL_AT, raidLevel);
        LittleEndian.putU8(block, at + MEMBERS_AT, slots.size());
        LittleEndian.putU8(block, at + DOMAINS_AT, domains);
        LittleEndian.putU8(block, at + FAILED_SLOT_AT, failedSlot);
        LittleEndian.putU8(block, at + DDF_AT, ddf);
        filler.copyTo(block, at + FILLER_AT);
        for (int slot = 0; slot < slots.size(); slot++) {
            LittleEndian.putWord(
                    block, at + ORDS_AT + ORD_BYTES * slot, slots.get(slot).word());
        }
    }

    int bytes() {
        return HEADER_BYTES + ORD_BYTES * slots.size();
    }

    /** How many members it has. */
    public int members() {
        return slots.size();
    }

    /** The first slot that names this disk, or -1. */
    int slotOf(int index) {
        for (int slot = 0; slot < slots.size(); slot++) {
            if (slots.get(slot).index() == index) {
                return slot;
            }
        }
        return -1;
    }

    ImsmMap withState(int newState) {
        return new ImsmMap(
                firstSector,
                blocksPerMember,
                dataStripes,
                blocksPerStrip,
                newState,
                raidLevel,
                domains,
                failedSlot,
                ddf,
                filler,
                slots);
    }

    ImsmMap withFailedSlot(int slot) {
        return new ImsmMap(
                firstSector,
                blocksPerMember,
                dataStripes,
                blocksPerStrip,
                state,
                raidLevel,
                domains,
                slot,
                ddf,
                filler,
                slots);
    }

    ImsmMap withSlots(List<ImsmOrd> newSlots) {
        return new ImsmMap(
                firstSector,
                blocksPerMember,
                dataStripes,
                blocksPerStrip,
                state,
                raidLevel,
                domains,
                failedSlot,
                ddf,
                filler,
                newSlots);
    }

    ImsmMap withSlot(int slot, ImsmOrd ord) {
        List<ImsmOrd> changed = new ArrayList<>(slots);
        changed.set(slot, ord);
        return withSlots(changed);
    }
}
