package redoubt.assembly;

import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import redoubt.base.Sectors;
import redoubt.md.ArrayView;
import redoubt.md.Layout;
import redoubt.md.Level;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.personality.ConcatenatedLayout;
import redoubt.personality.CopiesLayout;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.FarLayout;
import redoubt.personality.NearLayout;
import redoubt.personality.ParityLayout;
import redoubt.personality.ParityRotation;
import redoubt.personality.Raid5Personality;
import redoubt.personality.ZonedLayout;

/** What a volume's level, layout and chunk mean to the engine. */
final class Levels {

    /** A mirror has no chunks. */
    private static final int MIRROR_CHUNK_BYTES = 4096;

    /** The most that a member of a linear array is asked for at once; it has no chunks. */
    private static final int LINEAR_PIECE_BYTES = 65536;

    private static final int RAID0_ORIGINAL = 1;
    private static final Set<Integer> RAID0_LAYOUTS = Set.of(RAID0_ORIGINAL, 2);

    private static final int RAID10_OFFSET = 1 << 16;
    private static final int RAID10_LAYOUT_BITS = 17;

    private Levels() {}

    /** Why this engine does not read a volume of that level, layout and width; empty when it does. */
    static Optional<String> obstacle(VolumePicture volume) {
        String level = volume.level().word();
        if (volume.slots().size() > ArrayView.SLOTS_LIMIT) {
            return Optional.of("it has %d members, and this engine takes %d"
                    .formatted(volume.slots().size(), ArrayView.SLOTS_LIMIT));
        }
        boolean chunks = volume.level() != RaidLevel.RAID1 && volume.level() != RaidLevel.LINEAR;
        if (chunks && Integer.bitCount(volume.chunkBytes()) != 1) {
            return Optional.of(
                    "its chunks have %d bytes, and this engine wants a power of two".formatted(volume.chunkBytes()));
        }
        return switch (volume.level()) {
            case RAID0 ->
                evenMembers(volume) || RAID0_LAYOUTS.contains(volume.layout())
                        ? Optional.empty()
                        : Optional.of(
                                "its members differ in size, and its metadata does not say in which of the two ways of Linux they are striped");
            case LINEAR, RAID1, RAID4 -> Optional.empty();
            case RAID5, RAID6 ->
                rotation(volume).isPresent()
                        ? Optional.empty()
                        : Optional.of(
                                "this version does not read a %s of layout %#x".formatted(level, volume.layout()));
            case RAID10 ->
                volume.layout() >>> RAID10_LAYOUT_BITS == 0
                        ? Optional.empty()
                        : Optional.of("this version does not read a raid10 of layout %#x".formatted(volume.layout()));
        };
    }

    /** A member that is not here has no size that anybody knows. */
    private static boolean evenMembers(VolumePicture volume) {
        return volume.slots().stream()
                        .filter(slot -> slot.disk().isPresent())
                        .mapToLong(slot -> slot.dataSectors() / Sectors.ofBytes(volume.chunkBytes()))
                        .distinct()
                        .count()
                <= 1;
    }

    private static long[] memberBytes(VolumePicture volume) {
        return volume.slots().stream()
                .mapToLong(slot -> Sectors.toBytes(slot.dataSectors()))
                .toArray();
    }

    private static int parities(RaidLevel level) {
        return level == RaidLevel.RAID6 ? 2 : 1;
    }

    private static Optional<ParityRotation> rotation(VolumePicture volume) {
        return ParityRotation.ofNumber(volume.layout(), parities(volume.level()));
    }

    private static int near(VolumePicture volume) {
        return volume.layout() & 0xFF;
    }

    private static int far(VolumePicture volume) {
        return volume.layout() >>> 8 & 0xFF;
    }

    /**
     * Where the bytes lie.
     *
     * @param volume one without an {@link #obstacle}
     */
    static Layout layout(VolumePicture volume) {
        int slots = volume.slots().size();
        return switch (volume.level()) {
            case LINEAR -> new ConcatenatedLayout(wholeChunks(volume));
            case RAID0 ->
                evenMembers(volume)
                        ? new NearLayout(slots, 1, volume.chunkBytes())
                        : new ZonedLayout(memberBytes(volume), volume.chunkBytes(), volume.layout() == RAID0_ORIGINAL);
            case RAID1 -> new NearLayout(slots, slots, MIRROR_CHUNK_BYTES);
            case RAID10 ->
                far(volume) == 1
                        ? new NearLayout(slots, near(volume), volume.chunkBytes())
                        : new FarLayout(
                                slots,
                                near(volume),
                                far(volume),
                                (volume.layout() & RAID10_OFFSET) != 0,
                                volume.chunkBytes(),
                                Sectors.toBytes(volume.componentSectors()));
            case RAID4 -> new ParityLayout(slots, volume.chunkBytes(), ParityRotation.PARITY_LAST);
            case RAID5, RAID6 ->
                new ParityLayout(
                        slots,
                        parities(volume.level()),
                        volume.chunkBytes(),
                        rotation(volume).orElseThrow());
        };
    }

    private static long[] wholeChunks(VolumePicture volume) {
        long chunk = Math.max(1, volume.chunkBytes());
        return Arrays.stream(memberBytes(volume))
                .map(bytes -> bytes / chunk * chunk)
                .toArray();
    }

    /**
     * How many bytes the members have for the volume.
     *
     * @param volume one without an {@link #obstacle}
     */
    static long capacity(VolumePicture volume) {
        long component = volume.level() == RaidLevel.RAID0
                ? Arrays.stream(memberBytes(volume)).min().orElse(0)
                : Sectors.toBytes(volume.componentSectors());
        return layout(volume).capacity(component);
    }

    /** Who reads and writes it. */
    static Personality personality(VolumePicture volume, PersonalityHost host) {
        Layout layout = layout(volume);
        if (layout instanceof CopiesLayout copies) {
            int chunk = volume.level() == RaidLevel.LINEAR ? LINEAR_PIECE_BYTES : volume.chunkBytes();
            return new CopiesPersonality(host, level(volume.level()), copies, chunk);
        } else if (layout instanceof ParityLayout parity) {
            return new Raid5Personality(host, level(volume.level()), parity);
        }
        throw new IllegalStateException("no personality for " + volume.level().word());
    }

    static Level level(RaidLevel level) {
        return switch (level) {
            case LINEAR -> Level.LINEAR;
            case RAID0 -> Level.RAID0;
            case RAID1 -> Level.RAID1;
            case RAID4 -> Level.RAID4;
            case RAID5 -> Level.RAID5;
            case RAID6 -> Level.RAID6;
            case RAID10 -> Level.RAID10;
        };
    }

    /** Whether the content is whole with just these slots: bit k is slot k. */
    static boolean whole(VolumePicture volume, long slots) {
        return volume.level().whole(volume.slots().size(), volume.layout(), slot -> (slots >>> slot & 1) != 0);
    }

    /** How many of the level's members hold data, for a volume of so many slots. */
    static int columns(VolumePicture volume) {
        return switch (volume.level()) {
            case RAID1 -> 1;
            case RAID10 -> volume.slots().size() / 2;
            case LINEAR, RAID0, RAID4, RAID5, RAID6 -> volume.slots().size();
        };
    }
}
