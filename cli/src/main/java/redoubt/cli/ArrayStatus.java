package redoubt.cli;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import redoubt.base.ArrayState;
import redoubt.base.Sectors;
import redoubt.control.AttributeRefused;
import redoubt.control.Attributes;

/**
 * A served array at one moment, read from its attributes; the JSON of {@code status} and {@code detail} is this record.
 *
 * @param name what the tree calls it
 * @param state the word of {@code array_state}
 * @param level the kernel's word
 * @param sizeBytes its size
 * @param componentBytes how much of each member it uses
 * @param chunkBytes chunk, 0 for a level without
 * @param layout md's number
 * @param slots how many members it should have
 * @param degraded how many of them are not in sync
 * @param metadataVersion which metadata it has
 * @param uuidMd its UUID in md's spelling
 * @param redundancyKnown whether mirrors are known to agree and parity to be right
 * @param safeModeDelaySeconds how long after the last write it is marked clean
 * @param members who is there, by slot
 */
record ArrayStatus(
        String name,
        String state,
        String level,
        long sizeBytes,
        long componentBytes,
        long chunkBytes,
        int layout,
        int slots,
        int degraded,
        String metadataVersion,
        String uuidMd,
        boolean redundancyKnown,
        double safeModeDelaySeconds,
        List<MemberStatus> members) {

    /** In words for users, behind a colon. */
    static final String WHY_REDUNDANCY_IS_UNKNOWN =
            "an unclean stop, or a write that a member refused, and no resync since";

    /**
     * A member.
     *
     * @param name what the tree calls it
     * @param slot its slot
     * @param state the kernel's words
     * @param readErrors since it was assembled
     * @param path where it is
     * @param serial by which its metadata knows it, empty if by none
     * @param offsetBytes where its data begins
     */
    record MemberStatus(
            String name, int slot, String state, long readErrors, String path, String serial, long offsetBytes) {
        boolean inSync() {
            return state.startsWith("in_sync");
        }
    }

    static ArrayStatus of(Served.Array array) throws IOException, Refused {
        Attributes attributes = array.attributes();
        List<MemberStatus> members = new ArrayList<>();
        for (Attributes.Entry entry : entries(array)) {
            if (entry.kind() == Attributes.Kind.DIRECTORY && entry.name().startsWith("dev-")) {
                String device = entry.name() + "/";
                members.add(new MemberStatus(
                        entry.name().substring("dev-".length()),
                        Integer.parseInt(array.md(device + "slot")),
                        array.md(device + "state"),
                        Long.parseLong(array.md(device + "errors")),
                        array.md(device + "path"),
                        array.md(device + "serial"),
                        Sectors.toBytes(Long.parseLong(array.md(device + "offset")))));
            }
        }
        members.sort(java.util.Comparator.comparingInt(MemberStatus::slot));
        int slots = Integer.parseInt(array.md("raid_disks"));
        int inSync = (int) members.stream().filter(MemberStatus::inSync).count();
        return new ArrayStatus(
                array.name(),
                array.md("array_state"),
                array.md("level"),
                Sectors.toBytes(Long.parseLong(Served.read(attributes, "block/" + array.name() + "/size"))),
                Long.parseLong(array.md("component_size")) * 1024,
                Long.parseLong(array.md("chunk_size")),
                Integer.parseInt(array.md("layout")),
                slots,
                slots - inSync,
                array.md("metadata_version"),
                array.md("uuid"),
                array.md("redundancy_known").equals("yes"),
                Double.parseDouble(array.md("safe_mode_delay")),
                members);
    }

    private static List<Attributes.Entry> entries(Served.Array array) throws IOException, Refused {
        try {
            return array.attributes().list("block/" + array.name() + "/md");
        } catch (AttributeRefused refused) {
            throw Served.unexpected(refused);
        }
    }

    /** As {@code mdadm --detail --test} counts: 0 healthy, 1 a member has failed or counts for nothing, 2 unusable. */
    int health() {
        if (state.equals(ArrayState.BROKEN.word()) || state.equals(ArrayState.INACTIVE.word())) {
            return 2;
        }
        return degraded > 0 || !redundancyKnown ? 1 : 0;
    }
}
