package redoubt.assembly;

import java.util.Optional;
import redoubt.md.Layout;
import redoubt.md.Level;
import redoubt.md.Personality;
import redoubt.md.PersonalityHost;
import redoubt.metadata.RaidLevel;
import redoubt.metadata.VolumePicture;
import redoubt.personality.CopiesPersonality;
import redoubt.personality.NearLayout;
import redoubt.personality.ParityLayout;
import redoubt.personality.ParityRotation;
import redoubt.personality.Raid5Personality;

/** What a volume's level, layout and chunk mean to the engine. */
final class Levels {

    private static final int RAID10_NEAR_TWO = 0x102;

    private Levels() {}

    /** Where the bytes lie; empty for a level or layout that this engine does not have. */
    static Optional<Layout> layout(VolumePicture volume) {
        int slots = volume.slots().size();
        return switch (volume.level()) {
            case RAID0 -> Optional.of(new NearLayout(slots, 1, volume.chunkBytes()));
            case RAID1 -> Optional.of(new NearLayout(slots, slots, volume.chunkBytes()));
            case RAID10 ->
                volume.layout() == RAID10_NEAR_TWO
                        ? Optional.of(new NearLayout(slots, 2, volume.chunkBytes()))
                        : Optional.empty();
            case RAID4 -> Optional.of(new ParityLayout(slots, volume.chunkBytes(), ParityRotation.PARITY_LAST));
            case RAID5 ->
                ParityRotation.ofNumber(volume.layout())
                        .map(rotation -> new ParityLayout(slots, volume.chunkBytes(), rotation));
            case LINEAR, RAID6 -> Optional.empty();
        };
    }

    /** Who reads and writes it. */
    static Personality personality(VolumePicture volume, PersonalityHost host) {
        Layout layout = layout(volume).orElseThrow();
        if (layout instanceof NearLayout near) {
            return new CopiesPersonality(host, level(volume.level()), near, volume.chunkBytes());
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
        int count = volume.slots().size();
        int present = Long.bitCount(slots);
        return switch (volume.level()) {
            case LINEAR, RAID0 -> present == count;
            case RAID1 -> present >= 1;
            case RAID4, RAID5 -> present >= count - 1;
            case RAID6 -> present >= count - 2;
            case RAID10 -> everyPairHasOne(slots, count);
        };
    }

    private static boolean everyPairHasOne(long slots, int count) {
        for (int slot = 0; slot < count; slot += 2) {
            if ((slots >>> slot & 3) == 0) {
                return false;
            }
        }
        return true;
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
