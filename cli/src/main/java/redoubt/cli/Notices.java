package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.FoundContainer;
import redoubt.assembly.FoundVolume;
import redoubt.assembly.Identity;
import redoubt.assembly.Scan;
import redoubt.metadata.Printable;
import redoubt.metadata.SlotPicture;
import redoubt.metadata.SlotState;

/** What a user should know of an array that is used all the same. */
final class Notices {

    /** What somebody can do to whom nothing tells which disk is which. */
    static final String HOW_TO_CHOOSE =
            "A disk's serial is on its label, and 'lsblk -o NAME,SERIAL' shows it: give it as"
                    + " DISK,serial=TEXT. Where that is lost, copy the array in each of these ways and look at the copies; nothing is"
                    + " written to the disks.";

    private Notices() {}

    /** Whether a member is missing, or does not hold all that it should. */
    static boolean isDegraded(AssembledContainer.Volume volume) {
        return volume.found().picture().slots().stream().anyMatch(slot -> slot.state() != SlotState.IN_SYNC);
    }

    static List<String> of(AssembledContainer.Volume volume) {
        List<String> notices = new ArrayList<>();
        List<String> absent = new ArrayList<>();
        for (SlotPicture slot : volume.found().picture().slots()) {
            if (slot.state() != SlotState.IN_SYNC) {
                absent.add("slot %d is %s"
                        .formatted(
                                slot.slot(),
                                switch (slot.state()) {
                                    case FAILED -> "failed";
                                    case MISSING -> "missing";
                                    case REBUILDING -> "only partly rebuilt, and not read";
                                    case IN_SYNC -> "in sync";
                                }));
            }
        }
        if (!absent.isEmpty()) {
            notices.add("%s is degraded: %s; its content comes from the other members"
                    .formatted(volume.name(), String.join(", ", absent)));
        }
        if (volume.found().picture().dirty()) {
            notices.add(volume.name() + " was not closed in good order: what was in flight then may be old or new");
        }
        if (volume.found().identity() instanceof Identity.Evident(String because, List<String> candidates)) {
            notices.add("%s: which disk is which was found in their content: %s".formatted(volume.name(), because));
        }
        if (volume.found().identity() instanceof Identity.Certain(String because, Optional<String> remark)) {
            remark.ifPresent(each -> notices.add("%s: %s".formatted(volume.name(), each)));
        }
        if (volume.found().identity() instanceof Identity.Doubtful(String because, List<String> candidates)) {
            notices.add(doubt(volume.name(), because, candidates));
        }
        return notices;
    }

    /** A sentence for each volume of the container that was not asked for by name, and cannot be had. */
    static List<String> leftOut(AssembledContainer container) {
        List<String> notices = new ArrayList<>();
        for (FoundContainer found : container.scan().containers()) {
            if (!found.uuid().equals(container.picture().uuid())) {
                continue;
            }
            for (FoundVolume volume : found.volumes()) {
                String name = Printable.of(volume.picture().name());
                boolean there = container.volumes().stream()
                        .anyMatch(each -> each.found().picture().index()
                                == volume.picture().index());
                if (!there) {
                    notices.add(volume.toRead()
                            .map(refusal -> "%s is left out: %s".formatted(name, refusal.sentence()))
                            .orElse(name + " is left out"));
                }
            }
        }
        return notices;
    }

    /** A warning for each volume whose content speaks against the serials that were given. */
    static List<String> doubts(Scan scan) {
        List<String> notices = new ArrayList<>();
        for (FoundContainer container : scan.containers()) {
            for (FoundVolume volume : container.volumes()) {
                if (volume.identity() instanceof Identity.Doubtful(String because, List<String> candidates)) {
                    notices.add(doubt(Printable.of(volume.picture().name()), because, candidates));
                }
            }
        }
        return notices;
    }

    private static String doubt(String name, String because, List<String> candidates) {
        return "WARNING: the disks of %s seem to have been given wrong serials, and what is read may be garbage: %s%s"
                .formatted(
                        name,
                        because,
                        candidates.isEmpty() ? "" : "; the content speaks for " + String.join(" ", candidates));
    }
}
