package redoubt.assembly;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.DiskMetadata;
import redoubt.metadata.DiskState;
import redoubt.metadata.Finding;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.Printable;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.VolumePicture;

/**
 * Finds out which disk is which where serials do not say it.
 *
 * <p>All members carry the same bytes of metadata, so every arrangement of the disks that no serial places is possible at first. Two
 * things narrow it down. Arrangements that give the same content count as one: which of two mirrors is which does not matter to a reader.
 * And the content speaks ({@link Evidence}). What is left is one arrangement, or several that come to the same, or an ambiguity that is
 * refused with its candidates. Names and order of the files play no part.
 *
 * <p>A disk whose metadata is older is believed to be a member only when it was cut off in the last round of writes: one generation behind,
 * and with the same members in the same places. Any other old disk without a serial may be one that failed, and is left out.
 */
final class Identification {

    /** With more arrangements than this nothing is tried: eight disks without a serial. */
    static final long ARRANGEMENTS_LIMIT = 5_040;

    private static final int LINES_LIMIT = 24;

    /** Up to so many disks every order is tried in doubt, beyond it every exchange of two. */
    private static final int DOUBT_ALL_ORDERS_DISKS = 5;

    /**
     * What came out.
     *
     * @param entryOfDisk the entry for which each disk stands that no serial placed
     * @param leftOut why a disk is not used, by its number
     * @param volumes how the identity stands, a volume each
     * @param contradiction why there is no answer at all; null where there is one
     */
    record Outcome(
            Map<Integer, Integer> entryOfDisk,
            Map<Integer, String> leftOut,
            List<Identity> volumes,
            @Nullable String contradiction) {

        /** Of a format that names its members itself: the format has placed every disk. */
        static Outcome saidByTheMembers(int volumes) {
            Identity certain = new Identity.Certain("each disk says itself which member it is", Optional.empty());
            return new Outcome(Map.of(), Map.of(), Collections.nCopies(volumes, certain), null);
        }
    }

    private final ContainerPicture placed;
    private final ContainerPicture told;
    private final Map<Integer, ScannedDisk> disks;
    private final Evidence evidence;
    private final List<Integer> fixed = new ArrayList<>();
    private final List<Integer> openEntries = new ArrayList<>();
    private final List<Integer> unplaced = new ArrayList<>();
    private final Map<Integer, String> leftOut = new TreeMap<>();
    private final Map<Integer, Integer> late = new TreeMap<>();

    /**
     * Prepares the question.
     *
     * @param chosen what the format says
     * @param disks the disks by number
     */
    Identification(ContainerChoice.Chosen chosen, Map<Integer, ScannedDisk> disks, Evidence evidence) {
        this.placed = chosen.container().picture();
        this.disks = disks;
        this.evidence = evidence;
        this.told = toldBy(chosen, disks);
        for (DiskEntry entry : placed.disks()) {
            if (entry.index().isPresent()) {
                fixed.add(entry.disk().orElse(Arrangement.NOBODY));
                if (open(entry)) {
                    openEntries.add(entry.index().getAsInt());
                }
            }
        }
        for (Placement placement : chosen.placements()) {
            if (placement.verdict() instanceof Verdict.Unplaced(Set<Integer> possible, long behind)) {
                sort(placement.disk(), behind);
            } else if (placement.verdict() instanceof Verdict.Member(int index, long behind) && behind > 1) {
                fixed.set(index, Arrangement.NOBODY);
                leftOut.put(
                        placement.disk(),
                        "it missed %d metadata writes, so its data may be older than that of the others"
                                .formatted(behind));
                late.put(index, placement.disk());
            }
        }
        takeBackWhoWasNeeded();
    }

    /**
     * A disk that is several writes behind, and that the newest metadata calls in sync all the same, may have been cut off unnoticed; then the
     * others went on without it, and it is old. Where they could not have gone on, it is not: no data was written after it was gone.
     */
    private void takeBackWhoWasNeeded() {
        Arrangement without = new Arrangement(fixed);
        boolean needed = told.volumes().stream().noneMatch(volume -> Levels.whole(volume, without.slotsInSync(volume)));
        if (needed) {
            late.forEach((entry, disk) -> {
                fixed.set(entry, disk);
                leftOut.remove(disk);
            });
        }
    }

    private static boolean open(DiskEntry entry) {
        Set<DiskState> states = entry.states();
        return entry.disk().isEmpty()
                && !states.contains(DiskState.FAILED)
                && !states.contains(DiskState.SPARE)
                && !states.contains(DiskState.JOURNAL);
    }

    /** The container as the winning metadata tells it, whoever is there: which slots are in sync is read here. */
    private static ContainerPicture toldBy(ContainerChoice.Chosen chosen, Map<Integer, ScannedDisk> disks) {
        ContainerPicture placed = chosen.container().picture();
        for (Placement placement : chosen.placements()) {
            Optional<ContainerPicture> told = told(placement, disks.get(placement.disk()))
                    .filter(picture -> picture.generation() == placed.generation()
                            && picture.volumes().size() == placed.volumes().size());
            if (told.isPresent()) {
                return told.get();
            }
        }
        return placed;
    }

    private void sort(int disk, long behind) {
        if (behind == 0 || (behind == 1 && sameMembers(disk))) {
            unplaced.add(disk);
        } else {
            leftOut.put(
                    disk,
                    "it missed %d metadata write%s and has no serial, so it may be a disk that failed; its data is not read"
                            .formatted(behind, behind == 1 ? "" : "s"));
        }
    }

    private boolean sameMembers(int disk) {
        ScannedDisk scanned = disks.get(disk);
        return scanned != null
                && scanned.finding().orElse(null) instanceof Finding.Whole(var metadata)
                && members(metadata.picture()).equals(members(told));
    }

    /** What a disk says, if the format believed it: one that is torn and is not believed never counts as current. */
    private static Optional<ContainerPicture> told(Placement placement, @Nullable ScannedDisk disk) {
        boolean current = switch (placement.verdict()) {
            case Verdict.Member member -> member.generationsBehind() == 0;
            case Verdict.Unplaced unplaced -> unplaced.generationsBehind() == 0;
            case Verdict.Spare(), Verdict.Stale(), Verdict.Foreign() -> false;
        };
        return Optional.ofNullable(current ? disk : null)
                .flatMap(ScannedDisk::finding)
                .flatMap(Finding::told)
                .map(DiskMetadata::picture);
    }

    private static List<Object> members(ContainerPicture picture) {
        List<Object> members = new ArrayList<>();
        for (DiskEntry entry : picture.disks()) {
            members.add(entry.serial());
            members.add(entry.states());
        }
        for (VolumePicture volume : picture.volumes()) {
            for (SlotPicture slot : volume.slots()) {
                members.add(slot.diskIndex());
                members.add(slot.state());
            }
        }
        return members;
    }

    Outcome resolve() {
        if (unplaced.isEmpty() && everySerialKnown()) {
            Arrangement given = new Arrangement(fixed);
            return outcome(
                    given,
                    told.volumes().stream()
                            .map(volume -> believed(volume, given))
                            .toList());
        }
        if (unplaced.size() > openEntries.size()) {
            return contradiction(
                    "%d disks without a serial carry the newest metadata (%s), and only %d of its places %s open: one is a copy of another; leave it out, or name the disks with ,serial="
                            .formatted(
                                    unplaced.size(),
                                    names(unplaced),
                                    openEntries.size(),
                                    openEntries.size() == 1 ? "is" : "are"));
        }
        long ways = Arrangement.count(unplaced.size(), openEntries.size());
        if (ways > ARRANGEMENTS_LIMIT) {
            return contradiction(
                    "%d disks have no serial, and there are too many ways (%d) to arrange them; give at least %d of them theirs, as in %s,serial=%s (open: %s)"
                            .formatted(
                                    unplaced.size(),
                                    ways,
                                    tooMany(),
                                    names(unplaced.subList(0, 1)),
                                    serialOf(openEntries.getFirst()),
                                    openEntries.stream().map(this::serialOf).collect(Collectors.joining(", "))));
        }
        return narrow(Arrangement.all(fixed, unplaced, openEntries));
    }

    /** A device says its own serial; what a person or a file's attribute says may be mixed up, and is held against the content. */
    private Identity believed(VolumePicture volume, Arrangement given) {
        String bySerial = "every disk is known by its serial";
        Identity certain = new Identity.Certain(bySerial, Optional.empty());
        List<Integer> present = new ArrayList<>();
        for (int entry = 0; entry < fixed.size(); entry++) {
            if (fixed.get(entry) != Arrangement.NOBODY) {
                present.add(entry);
            }
        }
        boolean toldByOthers = present.stream()
                .map(entry -> disks.get(fixed.get(entry)))
                .anyMatch(disk -> disk != null
                        && disk.serial().isPresent()
                        && disk.serial().get().origin() != KnownSerial.Origin.DEVICE);
        if (!toldByOthers) {
            return certain;
        }
        Optional<Evidence.Doubt> doubt = evidence.against(volume, given, otherOrders(given, present));
        if (doubt.isEmpty()) {
            return certain;
        }
        if (!doubt.get().clear()) {
            return new Identity.Certain(bySerial, Optional.of(doubt.get().because()));
        }
        Arrangement better = doubt.get().better();
        return new Identity.Doubtful(doubt.get().because(), better == null ? List.of() : List.of(line(volume, better)));
    }

    private List<Arrangement> otherOrders(Arrangement given, List<Integer> present) {
        if (present.size() <= DOUBT_ALL_ORDERS_DISKS) {
            List<Integer> nobody = new ArrayList<>(fixed);
            present.forEach(entry -> nobody.set(entry, Arrangement.NOBODY));
            List<Integer> numbers = present.stream().map(fixed::get).toList();
            return Arrangement.all(nobody, numbers, present).stream()
                    .filter(other -> !other.equals(given))
                    .toList();
        }
        List<Arrangement> exchanged = new ArrayList<>();
        for (int one : present) {
            for (int other : present) {
                if (one < other) {
                    List<Integer> order = new ArrayList<>(fixed);
                    Collections.swap(order, one, other);
                    exchanged.add(new Arrangement(order));
                }
            }
        }
        return exchanged;
    }

    /** A disk that took the only place that was left is looked at all the same: it may be a copy of another. */
    private boolean everySerialKnown() {
        return fixed.stream()
                .filter(number -> number != Arrangement.NOBODY)
                .map(disks::get)
                .allMatch(disk -> disk != null && disk.serial().isPresent());
    }

    /** How many disks must be given their serials before the rest can be found. */
    private int tooMany() {
        int given = 0;
        while (given < unplaced.size()
                && Arrangement.count(unplaced.size() - given, openEntries.size() - given) > ARRANGEMENTS_LIMIT) {
            given++;
        }
        return given;
    }

    private String serialOf(int entry) {
        return Printable.of(told.disks().get(entry).serial().orElse(""));
    }

    private Outcome narrow(List<Arrangement> all) {
        List<Arrangement> left = all;
        StringBuilder why = new StringBuilder();
        for (VolumePicture volume : told.volumes()) {
            Evidence.Narrowed narrowed = evidence.narrow(volume, left);
            left = narrowed.left();
            if (!narrowed.because().isEmpty()) {
                why.append(why.isEmpty() ? "" : "; ").append(narrowed.because());
            }
        }
        if (left.isEmpty()) {
            return contradiction(why.toString());
        }
        Evidence.Narrowed ordered = evidence.order(told.volumes(), left);
        left = ordered.left();
        if (!ordered.because().isEmpty()) {
            why.append(why.isEmpty() ? "" : "; ").append(ordered.because());
        }
        List<Identity> identities = new ArrayList<>();
        for (VolumePicture volume : told.volumes()) {
            identities.add(identity(volume, left, all.size(), why.toString()));
        }
        return outcome(left.getFirst(), identities);
    }

    private Identity identity(VolumePicture volume, List<Arrangement> left, int ways, String why) {
        if (left.size() == 1) {
            return ways == 1
                    ? new Identity.Certain("only one place is open for the disk without a serial", Optional.empty())
                    : new Identity.Evident(why, lines(volume, left));
        }
        List<List<Arrangement>> contents = evidence.contents(volume, left);
        if (contents.size() == 1) {
            return new Identity.Indifferent(
                    "which disk is which is not known, and every arrangement that is left gives the same content"
                            + (why.isEmpty() ? "" : " (" + why + ")"),
                    lines(volume, left));
        }
        return new Identity.Ambiguous(
                "%d arrangements of %s are possible and give %d different contents%s"
                        .formatted(left.size(), names(unplaced), contents.size(), why.isEmpty() ? "" : "; " + why),
                lines(volume, contents.stream().map(List::getFirst).toList()));
    }

    private List<String> lines(VolumePicture volume, List<Arrangement> arrangements) {
        List<String> lines = new ArrayList<>();
        for (Arrangement arrangement : arrangements.subList(0, Math.min(arrangements.size(), LINES_LIMIT))) {
            lines.add(line(volume, arrangement));
        }
        if (arrangements.size() > LINES_LIMIT) {
            lines.add("... and %d more".formatted(arrangements.size() - LINES_LIMIT));
        }
        return lines;
    }

    /** An arrangement in the words in which the user can choose it. */
    private String line(VolumePicture volume, Arrangement arrangement) {
        List<String> words = new ArrayList<>();
        for (SlotPicture slot : volume.slots()) {
            if (slot.diskIndex().isPresent()) {
                int index = slot.diskIndex().getAsInt();
                int disk = arrangement.diskOfEntry().get(index);
                ScannedDisk scanned = disks.get(disk);
                if (scanned != null) {
                    words.add("%s,serial=%s".formatted(scanned.disk().location(), serialOf(index)));
                }
            }
        }
        return String.join(" ", words);
    }

    private String names(List<Integer> numbers) {
        return numbers.stream()
                .map(number -> {
                    ScannedDisk disk = disks.get(number);
                    return disk == null ? "disk " + number : disk.disk().location();
                })
                .collect(Collectors.joining(", "));
    }

    private Outcome outcome(Arrangement chosen, List<Identity> volumes) {
        Map<Integer, Integer> entryOfDisk = new HashMap<>();
        for (int entry = 0; entry < chosen.diskOfEntry().size(); entry++) {
            int disk = chosen.diskOfEntry().get(entry);
            if (unplaced.contains(disk)) {
                entryOfDisk.put(disk, entry);
            }
        }
        return new Outcome(entryOfDisk, leftOut, volumes, null);
    }

    private Outcome contradiction(String why) {
        return new Outcome(Map.of(), leftOut, List.of(), why);
    }
}
