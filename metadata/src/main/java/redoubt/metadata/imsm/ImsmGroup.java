package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import redoubt.metadata.Candidate;
import redoubt.metadata.ContainerChoice;
import redoubt.metadata.Finding;
import redoubt.metadata.Placement;
import redoubt.metadata.Placement.Verdict;
import redoubt.metadata.Printable;
import redoubt.metadata.imsm.ImsmChoice.Copy;

/** The disks of one identity: finds the winning block, or the contradiction, and places every disk. */
final class ImsmGroup {

    private final List<Copy> copies;
    private final List<Copy> spares;
    private final List<Candidate> torn;
    private final Copy winner;
    private final ImsmSuper mpb;
    private final List<ImsmMember> members = new ArrayList<>();
    private final List<Placement> placements = new ArrayList<>();

    /** Entries of the winner's table that are not failed and for which no disk with a known serial stands. */
    private final Set<Integer> unclaimed = new TreeSet<>();

    ImsmGroup(List<Copy> copies, List<Copy> spares, List<Candidate> torn) {
        this.copies = copies;
        this.spares = spares;
        this.torn = torn;
        this.winner = copies.stream()
                .min(Comparator.comparingLong((Copy copy) -> -copy.mpb().generationUnsigned())
                        .thenComparing(Copy::disowned)
                        .thenComparingLong(copy -> -accusations(copy))
                        .thenComparingInt(copy -> copy.candidate().disk()))
                .orElseThrow();
        int attributes = winner.mpb().attributes();
        for (Copy copy : copies) {
            attributes |= copy.mpb().attributes() & ImsmAttributes.DISK_2TB;
        }
        ImsmSuper chosen = winner.mpb().withAttributes(attributes);
        this.mpb = chosen.withRestated(copies.stream()
                .anyMatch(copy -> copy.mpb().restated() || !copy.mpb().equals(chosen)));
        for (int index = 0; index < mpb.disks().size(); index++) {
            if (active(mpb.disks().get(index))) {
                unclaimed.add(index);
            }
        }
    }

    /** How many of the other disks a block calls failed: of two that were written as the same generation, the later one knows of the loss. */
    private long accusations(Copy copy) {
        return copies.stream()
                .filter(other -> other != copy)
                .filter(other -> other.candidate()
                        .serial()
                        .filter(serial -> callsFailed(copy.mpb(), serial))
                        .isPresent())
                .count();
    }

    private static boolean active(ImsmDisk disk) {
        return !disk.failed() && !disk.spareOrJournal();
    }

    ContainerChoice choice() {
        Optional<String> contradiction = contradiction();
        if (contradiction.isPresent()) {
            for (Copy copy : copies) {
                placements.add(new Placement(
                        copy.candidate().disk(),
                        new Verdict.Unplaced(Set.of(), behind(copy.mpb().generationUnsigned())),
                        "its metadata has generation %d".formatted(copy.mpb().generationUnsigned())));
            }
            return new ContainerChoice.Contradiction(ImsmChoice.uuid(winner), contradiction.get(), placements);
        }
        placeKnown();
        placeUnknown();
        int sector = winner.candidate().geometry().sectorBytes();
        placements.sort(Comparator.comparingInt(Placement::disk));
        return new ContainerChoice.Chosen(new ImsmContainer(mpb, sector, members), placements);
    }

    private Optional<String> contradiction() {
        Map<String, Integer> seen = new HashMap<>();
        for (Copy copy : copies) {
            Optional<String> serial = copy.candidate().serial();
            Integer other =
                    serial.map(text -> seen.put(text, copy.candidate().disk())).orElse(null);
            if (other != null) {
                return Optional.of(
                        "disks %d and %d both have the serial '%s', so one is a copy of the other; leave one out"
                                .formatted(other, copy.candidate().disk(), Printable.of(serial.orElseThrow())));
            }
        }
        Optional<Copy> misnamed = misnamed();
        if (misnamed.isPresent()) {
            return Optional.of(saidToBeAnother(misnamed.get()));
        }
        for (Copy copy : copies) {
            if (!copy.sameBlock(winner) && wentOnAlone(copy)) {
                return Optional.of(
                        "disks %d (generation %d) and %d (generation %d) of one container each went on without the other; leave out the one whose data is not wanted"
                                .formatted(
                                        winner.candidate().disk(),
                                        mpb.generationUnsigned(),
                                        copy.candidate().disk(),
                                        copy.mpb().generationUnsigned()));
            }
        }
        return torn.stream().flatMap(each -> newerAndDamaged(each).stream()).findFirst();
    }

    /**
     * A disk that failed or was replaced is not written any more: where the newest block stands, it stands on a disk that counts. One that it does not
     * count in is a copy of another, if all that count are there without it, and else has been given a wrong serial.
     */
    private Optional<Copy> misnamed() {
        return notHeldByTheNewest().isEmpty()
                ? Optional.empty()
                : newest().filter(Copy::disowned).findFirst();
    }

    private Stream<Copy> newest() {
        return copies.stream().filter(copy -> behind(copy.mpb().generationUnsigned()) == 0);
    }

    private Set<String> notHeldByTheNewest() {
        Set<String> wanted = activeSerials(mpb);
        newest().forEach(copy -> copy.candidate().serial().ifPresent(wanted::remove));
        return wanted;
    }

    private String saidToBeAnother(Copy newest) {
        return "disk %d has the newest metadata (generation %d), and that does not count in the serial '%s' which this disk is said to have, but %s; give the disks their own serials, and a copy that of its original"
                .formatted(
                        newest.candidate().disk(),
                        newest.mpb().generationUnsigned(),
                        Printable.of(newest.candidate().serial().orElse("")),
                        notHeldByTheNewest().stream()
                                .sorted()
                                .map(serial -> "'" + Printable.of(serial) + "'")
                                .collect(Collectors.joining(" and ")));
    }

    /**
     * A damaged block that is more than one write ahead of every whole one was that of a disk which went on alone: the others are stale, and
     * do not know it. One that is a single write ahead was either being written when the power went, or was whole once and the next one was
     * cut; then the others are stale if it says, as far as the anchor reaches, that they failed.
     */
    private Optional<String> newerAndDamaged(Candidate candidate) {
        if (candidate.finding() instanceof Finding.Torn torn
                && (behind(torn.claim().generation()) < -1
                        || (behind(torn.claim().generation()) < 0
                                && (accusesItself(candidate, torn.claim()) || accusesAll(torn.claim()))))) {
            return Optional.of(
                    "the metadata of disk %d is damaged and has generation %d, and that of disk %d has %d and does not know what became of it since; leave out the one whose data is not wanted"
                            .formatted(
                                    candidate.disk(),
                                    torn.claim().generation(),
                                    winner.candidate().disk(),
                                    mpb.generationUnsigned()));
        }
        return Optional.empty();
    }

    /**
     * Whether another block can not be an ancestor of the winner: they share no active disk, or the other calls the winner's own disk
     * failed, or both were written as the same generation with different content by disks that the winner still counts in.
     */
    private boolean wentOnAlone(Copy other) {
        Set<String> shared = activeSerials(mpb);
        shared.retainAll(activeSerials(other.mpb()));
        if (shared.isEmpty()) {
            return true;
        }
        Optional<String> winnerSerial = winner.candidate().serial();
        if (winnerSerial.isPresent() && callsFailed(other.mpb(), winnerSerial.get())) {
            return true;
        }
        boolean countedIn = other.candidate()
                .serial()
                .map(serial -> activeSerials(mpb).contains(serial))
                .orElse(true);
        return countedIn && other.mpb().generation() == mpb.generation();
    }

    /** Whether a disk is said to be one that failed in its own eyes: then the serials were given the wrong way round. */
    private static boolean accusesItself(Candidate candidate, Finding.TornClaim claim) {
        return candidate
                .serial()
                .filter(serial -> namesOfFailed(serial).stream().anyMatch(claim.failed()::contains))
                .isPresent();
    }

    /** Whether every disk with the newest whole block is, or may be, one that failed in the eyes of a damaged newer one. */
    private boolean accusesAll(Finding.TornClaim claim) {
        Set<String> accused = activeSerials(mpb);
        accused.removeIf(serial -> namesOfFailed(serial).stream().noneMatch(claim.failed()::contains));
        return !accused.isEmpty()
                && newest().allMatch(copy ->
                        copy.candidate().serial().map(accused::contains).orElse(true));
    }

    private static Set<String> activeSerials(ImsmSuper block) {
        Set<String> serials = new HashSet<>();
        for (ImsmDisk disk : block.disks()) {
            if (active(disk)) {
                serials.add(disk.serialText());
            }
        }
        return serials;
    }

    private static boolean callsFailed(ImsmSuper block, String serial) {
        List<String> names = namesOfFailed(serial);
        boolean failed = block.disks().stream().anyMatch(disk -> disk.failed() && names.contains(disk.serialText()));
        return failed && !activeSerials(block).contains(serial);
    }

    /** How a disk may be written down that failed. */
    private static List<String> namesOfFailed(String serial) {
        String marked = ImsmSerial.text(ImsmSerial.failed(ImsmSerial.raw(serial)));
        String gone = ImsmSerial.text(ImsmSerial.missing(ImsmSerial.raw(marked)));
        return List.of(serial, marked, gone);
    }

    private long behind(long generation) {
        return mpb.generationUnsigned() - generation;
    }

    private void placeKnown() {
        for (Copy copy : copies) {
            Optional<String> serial = copy.candidate().serial();
            if (serial.isPresent()) {
                placeBySerial(copy.candidate(), serial.get(), behind(copy.mpb().generationUnsigned()), copy.disowned());
            }
        }
        for (Candidate candidate : torn) {
            if (candidate.serial().isPresent()) {
                placeBySerial(candidate, candidate.serial().get(), tornBehind(candidate), false);
            }
        }
        for (Copy spare : spares) {
            placeSpare(spare);
        }
    }

    /** A torn block that claims to be newer was being written when the power went: what it was to say is lost with it. */
    private long tornBehind(Candidate candidate) {
        return candidate.finding() instanceof Finding.Torn torn
                ? Math.max(1, behind(torn.claim().generation()))
                : 1;
    }

    private void placeBySerial(Candidate candidate, String serial, long behind, boolean disowned) {
        int index = mpb.indexOf(serial);
        int disk = candidate.disk();
        if (index < 0 || (disowned && !unclaimed.contains(index))) {
            placements.add(new Placement(
                    disk,
                    new Verdict.Stale(),
                    "generation %d of the metadata does not count the serial '%s' in: it failed or was replaced"
                            .formatted(mpb.generationUnsigned(), Printable.of(serial))));
        } else if (mpb.disks().get(index).failed()) {
            placements.add(new Placement(
                    disk, new Verdict.Stale(), "the newest metadata says that it failed (disk %d)".formatted(index)));
        } else if (mpb.disks().get(index).spareOrJournal()) {
            members.add(new ImsmMember(disk, candidate.geometry(), serial, 0, ImsmMember.SPARE));
            placements.add(new Placement(disk, new Verdict.Spare(), "the newest metadata calls it a spare"));
        } else {
            placeMember(candidate, serial, index, behind);
        }
    }

    private void placeMember(Candidate candidate, String serial, int index, long behind) {
        long needed = neededSectors(index);
        if (candidate.geometry().sizeSectors() < needed) {
            placements.add(new Placement(
                    candidate.disk(),
                    new Verdict.Foreign(),
                    "it has %d sectors, and the volumes on it reach to sector %d: it was cut short"
                            .formatted(candidate.geometry().sizeSectors(), needed)));
            return;
        }
        unclaimed.remove(index);
        members.add(new ImsmMember(
                candidate.disk(),
                candidate.geometry(),
                serial,
                mpb.disks().get(index).scsiId(),
                index));
        placements.add(new Placement(
                candidate.disk(),
                new Verdict.Member(index, behind),
                "it is disk %d, and %s".formatted(index, standing(candidate, behind))));
    }

    private String standing(Candidate candidate, long behind) {
        if (copies.stream().anyMatch(copy -> copy.candidate() == candidate && copy.torn())) {
            return "the last write of its metadata was cut; what its checksum proves is believed, as nobody has newer";
        }
        if (candidate.finding() instanceof Finding.Torn) {
            return "its metadata is damaged; what the others have counts";
        }
        return behind == 0 ? "its metadata is the newest" : missed(behind);
    }

    private static String missed(long writes) {
        return "missed %d metadata write%s".formatted(writes, writes == 1 ? "" : "s");
    }

    private long neededSectors(int index) {
        long needed = 0;
        for (ImsmDev dev : mpb.devs()) {
            ImsmMap map = dev.vol().map();
            if (map.slotOf(index) >= 0) {
                needed = Math.max(
                        needed, map.firstSector() + ImsmGeometry.of(dev).componentSectors());
            }
        }
        return needed;
    }

    /** A disk that is counted in and still carries a spare's block never got the metadata that took it in. */
    private void placeSpare(Copy spare) {
        String serial = ImsmChoice.serialOfSpare(spare);
        int index = mpb.indexOf(serial);
        if (index >= 0 && active(mpb.disks().get(index))) {
            placeMember(spare.candidate(), serial, index, mpb.generationUnsigned());
        } else {
            Candidate candidate = spare.candidate();
            members.add(new ImsmMember(
                    candidate.disk(),
                    candidate.geometry(),
                    serial,
                    spare.mpb().disks().isEmpty()
                            ? 0
                            : spare.mpb().disks().getFirst().scsiId(),
                    ImsmMember.SPARE));
            placements.add(
                    new Placement(candidate.disk(), new Verdict.Spare(), "it carries the metadata of a free spare"));
        }
    }

    /** Disks without a serial: those with the newest block are members for certain, since failed disks are not written any more. */
    private void placeUnknown() {
        List<Copy> unknown = copies.stream()
                .filter(copy -> copy.candidate().serial().isEmpty())
                .toList();
        List<Copy> current =
                unknown.stream().filter(copy -> copy.sameBlock(winner)).toList();
        if (current.size() == 1 && unclaimed.size() == 1) {
            int index = unclaimed.iterator().next();
            placeMember(current.getFirst().candidate(), mpb.disks().get(index).serialText(), index, 0);
            current = List.of();
        }
        for (Copy copy : current) {
            addUnplaced(copy.candidate(), 0);
        }
        boolean room = unclaimed.size() > current.size();
        for (Copy copy : unknown) {
            if (!copy.sameBlock(winner)) {
                placeOlder(copy.candidate(), behind(copy.mpb().generationUnsigned()), room);
            }
        }
        for (Candidate candidate : torn) {
            if (candidate.serial().isEmpty()) {
                placeOlder(candidate, tornBehind(candidate), room);
            }
        }
    }

    private void placeOlder(Candidate candidate, long behind, boolean room) {
        if (room) {
            addUnplaced(candidate, behind);
        } else {
            placements.add(new Placement(
                    candidate.disk(),
                    new Verdict.Stale(),
                    "every member that generation %d counts in is here, and this disk %s"
                            .formatted(mpb.generationUnsigned(), missed(behind))));
        }
    }

    private void addUnplaced(Candidate candidate, long behind) {
        placements.add(new Placement(
                candidate.disk(),
                new Verdict.Unplaced(unclaimed, behind),
                "it belongs to the container, but without its serial nothing says which of the disks %s it is"
                        .formatted(unclaimed)));
    }
}
