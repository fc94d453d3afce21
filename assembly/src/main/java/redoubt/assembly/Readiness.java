package redoubt.assembly;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import redoubt.assembly.FoundVolume.Refusal;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.Printable;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;
import redoubt.metadata.VolumeAccess;
import redoubt.metadata.VolumePicture;

/**
 * Whether a volume may be read, and whether it may be written; and if not, why, and what helps.
 *
 * <p><b>The older half.</b> Disks that are missing and not recorded as failed may have gone on without the ones that are here, if they could:
 * if they alone hold the whole content. Then what is here is old. A volume that is clean was closed in good order with all its members; one
 * that is dirty was torn away in the middle, so that is when it is refused. A single member missing from a RAID5 can never have gone on alone.
 */
final class Readiness {

    private final ContainerPicture container;
    private final VolumePicture volume;
    private final Identity identity;
    private final List<String> names;
    private final Set<Insistence> insisted;
    private final String title;

    private Readiness(
            ContainerPicture container,
            VolumePicture volume,
            Identity identity,
            List<String> names,
            Set<Insistence> insisted) {
        this.container = container;
        this.volume = volume;
        this.identity = identity;
        this.names = names;
        this.insisted = insisted;
        this.title = "%s (%s, %d members)"
                .formatted(
                        Printable.of(volume.name()),
                        volume.level().word(),
                        volume.slots().size());
    }

    /**
     * Judges a volume.
     *
     * @param names the disks as the user named them, by number
     * @param insisted what the user insists on
     */
    static FoundVolume of(
            ContainerPicture container,
            VolumePicture volume,
            Identity identity,
            List<String> names,
            Set<Insistence> insisted) {
        Readiness readiness = new Readiness(container, volume, identity, names, insisted);
        Optional<Refusal> toRead = readiness.toRead();
        return new FoundVolume(volume, identity, toRead, toRead.or(readiness::toWrite));
    }

    private Optional<Refusal> toRead() {
        if (volume.access() instanceof VolumeAccess.Blocked(String because)) {
            return refuse("%s cannot be read: %s".formatted(title, because));
        }
        Optional<String> obstacle = Levels.obstacle(volume);
        if (obstacle.isPresent()) {
            return refuse("%s cannot be read: %s".formatted(title, obstacle.get()));
        }
        if (identity instanceof Identity.Ambiguous(String because, List<String> candidates)) {
            return Optional.of(new Refusal(
                    AssemblyRefused.Reason.NO_ARRAY,
                    "%s: it cannot be told which disk is which: %s; name the disks with ,serial= in one of these ways"
                            .formatted(title, because),
                    candidates,
                    Optional.empty()));
        }
        long inSync = slots(SlotState.IN_SYNC);
        if (!Levels.whole(volume, inSync)) {
            return refuse(
                    "%s needs %s, and %s here; %s".formatted(title, need(), have(Long.bitCount(inSync)), absentees()));
        }
        long absent = slots(SlotState.MISSING);
        if (volume.dirty() && absent != 0 && Levels.whole(volume, absent) && !insisted.contains(Insistence.LONE_HALF)) {
            return Optional.of(new Refusal(
                    AssemblyRefused.Reason.NO_ARRAY,
                    "%s: what is here was being written to when it was last seen, and what is missing (%s) could have gone on without it, so this may be the older half; add the missing disk%s, or insist with %s"
                            .formatted(
                                    title,
                                    absentees(),
                                    Long.bitCount(absent) == 1 ? "" : "s",
                                    Insistence.LONE_HALF.option()),
                    List.of(),
                    Optional.of(Insistence.LONE_HALF)));
        }
        return Optional.empty();
    }

    private Optional<Refusal> toWrite() {
        if (volume.access() instanceof VolumeAccess.ReadOnly(String because)) {
            return keep("%s is read-only: %s; use --read-only".formatted(title, because), List.of(), Optional.empty());
        }
        if (identity instanceof Identity.Indifferent(String because, List<String> candidates)) {
            return keep(
                    "%s is not written to: %s, but a failure would be recorded against a serial, and might name the wrong disk; name the disks with ,serial= in one of these ways, or use --read-only"
                            .formatted(title, because),
                    candidates,
                    Optional.empty());
        }
        if (identity instanceof Identity.Evident(String because, List<String> candidates)) {
            return keep(
                    "%s is not written to: which disk is which was found in the content alone (%s), and content may be old; name the disks with ,serial= as below, if that is their order, or use --read-only"
                            .formatted(title, because),
                    candidates,
                    Optional.empty());
        }
        if (identity instanceof Identity.Doubtful(String because, List<String> candidates)
                && !insisted.contains(Insistence.SERIALS)) {
            return keep(
                    "%s is not written to, for the disks seem to have been given wrong serials: %s; give the right ones%s, or insist with %s"
                            .formatted(
                                    title,
                                    because,
                                    candidates.isEmpty() ? "" : " as below",
                                    Insistence.SERIALS.option()),
                    candidates,
                    Optional.of(Insistence.SERIALS));
        }
        long inSync = slots(SlotState.IN_SYNC);
        if (Long.bitCount(inSync) == volume.slots().size()) {
            return Optional.empty();
        }
        boolean parity = switch (volume.level()) {
            case RAID4, RAID5, RAID6 -> true;
            case LINEAR, RAID0, RAID1, RAID10 -> false;
        };
        boolean writeHole = volume.dirty() && parity;
        if (writeHole && !insisted.contains(Insistence.WRITE_HOLE)) {
            return keep(
                    "%s was not closed in good order and has a member missing (%s): old data in the stripes that were in flight may be lost with the next write; insist with %s, or use --read-only"
                            .formatted(title, absentees(), Insistence.WRITE_HOLE.option()),
                    List.of(),
                    Optional.of(Insistence.WRITE_HOLE));
        }
        if (writeHole || insisted.contains(Insistence.DEGRADED)) {
            return Optional.empty();
        }
        return keep(
                "%s is degraded (%s); a write makes the missing disk worthless until it is rebuilt: insist with %s, or use --read-only"
                        .formatted(title, absentees(), Insistence.DEGRADED.option()),
                List.of(),
                Optional.of(Insistence.DEGRADED));
    }

    private long slots(SlotState state) {
        long slots = 0;
        for (SlotPicture slot : volume.slots()) {
            if (slot.state() == state) {
                slots |= 1L << slot.slot();
            }
        }
        return slots;
    }

    private String need() {
        int count = volume.slots().size();
        return switch (volume.level()) {
            case LINEAR, RAID0 -> "all its members";
            case RAID1 -> "one of its members";
            case RAID4, RAID5 -> "%d of its members".formatted(count - 1);
            case RAID6 -> "%d of its members".formatted(count - 2);
            case RAID10 -> "a copy of every chunk among its members";
        };
    }

    private static String have(int count) {
        return switch (count) {
            case 0 -> "none in sync is";
            case 1 -> "one in sync is";
            default -> count + " in sync are";
        };
    }

    /** Who is not in sync, and why. */
    private String absentees() {
        if (identity instanceof Identity.Indifferent) {
            int missing = volume.slots().size() - Long.bitCount(slots(SlotState.IN_SYNC));
            return "%d of its members %s missing"
                    .formatted(missing, missing == 1 ? "is" : "are"); // which one is not known
        }
        List<String> words = new ArrayList<>();
        for (SlotPicture slot : volume.slots()) {
            String what = switch (slot.state()) {
                case IN_SYNC -> "";
                case REBUILDING -> "is only partly rebuilt";
                case FAILED -> "has failed";
                case MISSING -> "is missing";
            };
            if (!what.isEmpty()) {
                words.add("slot %d%s %s".formatted(slot.slot(), who(slot), what));
            }
        }
        return String.join(", ", words);
    }

    private String who(SlotPicture slot) {
        if (slot.disk().isPresent()) {
            return " (%s)".formatted(names.get(slot.disk().getAsInt()));
        }
        if (slot.diskIndex().isEmpty()) {
            return "";
        }
        DiskEntry entry = container.disks().get(slot.diskIndex().getAsInt());
        return entry.serial()
                .map(serial -> " (serial '%s')".formatted(Printable.of(serial)))
                .orElse("");
    }

    private static Optional<Refusal> refuse(String sentence) {
        return Optional.of(new Refusal(AssemblyRefused.Reason.NO_ARRAY, sentence, List.of(), Optional.empty()));
    }

    private static Optional<Refusal> keep(String sentence, List<String> candidates, Optional<Insistence> overcome) {
        return Optional.of(new Refusal(AssemblyRefused.Reason.WOULD_LOSE_DATA, sentence, candidates, overcome));
    }
}
