package redoubt.metadata;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import redoubt.metadata.MemberMetadata.Place;
import redoubt.metadata.MemberMetadata.Seat;
import redoubt.metadata.Placement.Verdict;

/**
 * From disks that say who they are to arrays (docs/FORMATS.md, "Whose word counts"). The newest copy is the one with the most events among the
 * disks that have a slot or the journal; a spare never speaks for the array, for its events are not kept up.
 *
 * <p>A disk is believed when it has missed at most one event: a power cut between two members' writes leaves that. What it says of its own place
 * is then replaced by what the newest copy says, which may have recorded its failure. Everybody else is stale and is not read. This is Linux' rule
 * (drivers/md/md.c, super_1_validate); beyond it, disks that each went on without the other are a contradiction here, where Linux takes
 * those with more events, and so are disks that claim the same slot.
 */
public final class MemberChoice {

    private final String unwritten;
    private final List<Candidate> torn;
    private final List<Copy> copies;

    private MemberChoice(String unwritten, List<Copy> copies, List<Candidate> torn) {
        this.unwritten = unwritten;
        this.copies = copies;
        this.torn = torn;
    }

    private record Copy(Candidate candidate, MemberMetadata said) {
        int disk() {
            return candidate.disk();
        }

        Place place() {
            return said.placeOf(said.number());
        }

        boolean speaks() {
            return switch (place()) {
                case Place.Slot slot -> true;
                case Place.Journal() -> true;
                case Place.Spare() -> false;
                case Place.Failed() -> false;
            };
        }
    }

    /**
     * One choice for each array among the candidates, largest first.
     *
     * @param candidates disks of one format
     * @param unwritten why arrays of that format are not written, a sentence
     */
    public static List<ContainerChoice> choose(List<Candidate> candidates, String unwritten) {
        List<Candidate> ordered = new ArrayList<>(candidates);
        ordered.sort(Comparator.comparingInt(Candidate::disk));
        Map<String, List<Copy>> groups = new TreeMap<>();
        for (Candidate candidate : ordered) {
            if (candidate.finding() instanceof Finding.Whole(MemberMetadata said)) {
                groups.computeIfAbsent(said.array().canonicalForm(), key -> new ArrayList<>())
                        .add(new Copy(candidate, said));
            }
        }
        List<ContainerChoice> choices = new ArrayList<>();
        groups.forEach((array, copies) -> choices.add(new MemberChoice(
                        unwritten,
                        copies,
                        ordered.stream()
                                .filter(each -> each.finding() instanceof Finding.Torn torn
                                        && torn.claim().identity().equals(array))
                                .toList())
                .choice()));
        choices.sort(Comparator.comparingInt(
                (ContainerChoice choice) -> -choice.placements().size()));
        return choices;
    }

    private ContainerChoice choice() {
        List<Copy> speakers = copies.stream().filter(Copy::speaks).toList();
        Copy newest = newest(speakers.isEmpty() ? copies : speakers);
        Optional<String> contradiction = contradiction(newest, speakers);
        if (contradiction.isPresent()) {
            return contradiction(newest, contradiction.get());
        }
        List<Placement> placements = new ArrayList<>();
        List<Seat> seats = new ArrayList<>();
        for (Copy copy : copies) {
            placements.add(place(copy, newest, seats));
        }
        Optional<String> twice = twice(seats);
        return twice.isPresent()
                ? contradiction(newest, twice.get())
                : new ContainerChoice.Chosen(
                        new UnwrittenContainer(newest.said().together(seats), unwritten), placements);
    }

    /** Of several that are as new, the first. */
    private static Copy newest(List<Copy> copies) {
        Copy newest = copies.getFirst();
        for (Copy copy : copies) {
            if (Long.compareUnsigned(copy.said().events(), newest.said().events()) > 0) {
                newest = copy;
            }
        }
        return newest;
    }

    // ---------------------------------------------------------------------------------------------- contradictions

    private ContainerChoice contradiction(Copy newest, String because) {
        List<Placement> placements = new ArrayList<>();
        copies.forEach(copy -> placements.add(new Placement(copy.disk(), new Verdict.Foreign(), because)));
        return new ContainerChoice.Contradiction(newest.said().array(), because, placements);
    }

    private Optional<String> contradiction(Copy newest, List<Copy> speakers) {
        for (Candidate candidate : torn) {
            if (candidate.finding() instanceof Finding.Torn damaged
                    && Long.compareUnsigned(
                                    damaged.claim().generation(), newest.said().events())
                            > 0
                    && behind(newest, damaged.claim().generation()) != -1) {
                return Optional.of(
                        "the metadata of disk %d is damaged, and claims to be newer than that of all others (events %s, and %s): what they hold may be old; leave that disk out to read them all the same"
                                .formatted(
                                        candidate.disk(),
                                        Long.toUnsignedString(damaged.claim().generation()),
                                        Long.toUnsignedString(newest.said().events())));
            }
        }
        for (Copy copy : speakers) {
            boolean asNew = copy.said().events() == newest.said().events();
            if (asNew && !copy.said().shape().equals(newest.said().shape())) {
                return Optional.of(
                        "disks %d and %d carry the same array in different shapes, and neither is newer; leave one of them out"
                                .formatted(newest.disk(), copy.disk()));
            }
            boolean differ = asNew
                    ? !copy.said().slotOfNumber().equals(newest.said().slotOfNumber())
                    : Collections.disjoint(numbers(copy), numbers(newest))
                            && !numbers(copy).isEmpty();
            if (differ) {
                return Optional.of(
                        "disks %d and %d contradict each other: each went on without the other, with events %s and %s; give only the disks of the side that is to be believed"
                                .formatted(
                                        newest.disk(),
                                        copy.disk(),
                                        Long.toUnsignedString(newest.said().events()),
                                        Long.toUnsignedString(copy.said().events())));
            }
        }
        return Optional.empty();
    }

    private static Set<Integer> numbers(Copy copy) {
        return copy.said().slotOfNumber().keySet();
    }

    /** Two disks in one slot are an original and what replaces it, or one is a copy of the other. */
    private static Optional<String> twice(List<Seat> seats) {
        Map<String, Integer> seen = new HashMap<>();
        for (Seat seat : seats) {
            if (seat.place() instanceof Place.Slot(int slot)) {
                Integer other = seen.put(slot + (seat.said().replaces() ? " replaced" : ""), seat.disk());
                if (other != null) {
                    return Optional.of(
                            "disks %d and %d both say that they are in slot %d: one is a copy of the other; leave it out"
                                    .formatted(other, seat.disk(), slot));
                }
            }
        }
        return Optional.empty();
    }

    // ---------------------------------------------------------------------------------------------- places

    /** How many events a copy with that count has missed, modulo 2^64. */
    private static long behind(Copy newest, long events) {
        return newest.said().events() - events;
    }

    private Placement place(Copy copy, Copy newest, List<Seat> seats) {
        int disk = copy.disk();
        return switch (copy.place()) {
            case Place.Failed() -> stale(disk, "its own metadata calls it failed");
            case Place.Spare() -> {
                seats.add(new Seat(disk, copy.candidate().geometry(), copy.said(), copy.place()));
                yield new Placement(disk, new Verdict.Spare(), "it is a spare of the array");
            }
            case Place.Slot slot -> speaker(copy, newest, seats);
            case Place.Journal() -> speaker(copy, newest, seats);
        };
    }

    private Placement speaker(Copy copy, Copy newest, List<Seat> seats) {
        int disk = copy.disk();
        long behind = behind(newest, copy.said().events());
        if (Long.compareUnsigned(behind, 1) > 0) {
            return stale(
                    disk,
                    "it missed %s metadata writes (events %s, and %s): its data is old and is not read"
                            .formatted(
                                    Long.toUnsignedString(behind),
                                    Long.toUnsignedString(copy.said().events()),
                                    Long.toUnsignedString(newest.said().events())));
        }
        if (!copy.said().shape().equals(newest.said().shape())) {
            return stale(disk, "its metadata is older and states another shape of the array");
        }
        Place place =
                behind == 0 ? copy.place() : newest.said().placeOf(copy.said().number());
        boolean taken = behind > 0 && place instanceof Place.Slot(int slot) && occupied(slot, copy, newest);
        if (place instanceof Place.Failed || taken) {
            return stale(disk, "the other members recorded that it failed; its data is not read");
        }
        seats.add(new Seat(disk, copy.candidate().geometry(), copy.said(), place));
        return switch (place) {
            case Place.Slot(int slot) ->
                new Placement(
                        disk,
                        new Verdict.Member(slot, behind),
                        behind == 0
                                ? "it is in slot %d".formatted(slot)
                                : "it is in slot %d, and was cut off in the last metadata write".formatted(slot));
            case Place.Journal() -> new Placement(disk, new Verdict.Spare(), "it holds the journal of the array");
            case Place.Spare() -> new Placement(disk, new Verdict.Spare(), "it is a spare of the array");
            case Place.Failed() -> throw new IllegalStateException("a failed disk was seated");
        };
    }

    /** Numbers are given again: a disk that is current has the slot of one that is not. */
    private boolean occupied(int slot, Copy late, Copy newest) {
        return copies.stream()
                .anyMatch(other -> other.said().events() == newest.said().events()
                        && other.said().replaces() == late.said().replaces()
                        && other.place().equals(new Place.Slot(slot)));
    }

    private static Placement stale(int disk, String because) {
        return new Placement(disk, new Verdict.Stale(), because);
    }
}
