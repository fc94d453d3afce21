package redoubt.interop;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.ObjectMapper;

/**
 * Disks that Redoubt made an IMSM container of. Their serials are the names that the Linux guest gives to images plugged
 * in in this order, so that mdadm there knows each of them.
 */
record RedoubtArray(Redoubt redoubt, List<Path> images) {
    /** A volume of this name is on every array here. */
    static final String VOLUME = "v";

    /** Room for 18 MiB of each member's data; the rest is what IMSM reserves. */
    private static final long IMAGE_BYTES = 24 << 20;

    RedoubtArray {
        images = List.copyOf(images);
    }

    /** One volume over all disks; {@code more} are further words for {@code create}. */
    static RedoubtArray create(Scratch scratch, Level level, String... more) {
        return create(scratch, level, IMAGE_BYTES, more);
    }

    /** The same on disks of this size. */
    static RedoubtArray create(Scratch scratch, Level level, long imageBytes, String... more) {
        RedoubtArray array = new RedoubtArray(Redoubt.in(scratch), images(scratch, level.members, imageBytes));
        array.addVolume(VOLUME, level, more);
        return array;
    }

    /** Two volumes on the same two disks, a mirror and a stripe: what Intel calls Matrix RAID. */
    static RedoubtArray createMatrix(Scratch scratch, String second, String... more) {
        RedoubtArray array = new RedoubtArray(Redoubt.in(scratch), images(scratch, 2, IMAGE_BYTES));
        array.addVolume(VOLUME, Level.RAID1, and(more, "--size", "6M"));
        array.addVolume(second, Level.RAID0, and(more));
        return array;
    }

    /** Two mirrors on the same two disks. */
    static RedoubtArray createTwoMirrors(Scratch scratch, String second, String... more) {
        RedoubtArray array = new RedoubtArray(Redoubt.in(scratch), images(scratch, 2, IMAGE_BYTES));
        array.addVolume(VOLUME, Level.RAID1, and(more, "--size", "6M"));
        array.addVolume(second, Level.RAID1, and(more));
        return array;
    }

    private static List<Path> images(Scratch scratch, int members, long imageBytes) {
        List<Path> images = new ArrayList<>();
        for (int member = 0; member < members; member++) {
            images.add(scratch.sparse("disk%d.img".formatted(member), imageBytes));
        }
        return images;
    }

    private static String[] and(String[] words, String... more) {
        return Stream.concat(Arrays.stream(words), Arrays.stream(more)).toArray(String[]::new);
    }

    private void addVolume(String name, Level level, String... more) {
        List<String> words =
                new ArrayList<>(List.of("create", name, "--metadata", "imsm", "--level", level.number, "--yes"));
        if (level != Level.RAID1) {
            words.addAll(List.of("--chunk", "64K"));
        }
        words.addAll(List.of(more));
        words.addAll(disks());
        redoubt.command(words).run().mustSucceed();
    }

    /** What {@code status --health} says of the process that serves it. */
    JsonNode health(RedoubtProcess served) {
        String told = redoubt.command(
                        "status",
                        "--json",
                        "--health",
                        "--control",
                        served.control().toString())
                .run()
                .mustSucceed()
                .out();
        return new ObjectMapper().readTree(told).at("/health/0");
    }

    /** {@code PATH,serial=/dev/vda} and so on, for the command line. */
    List<String> disks() {
        return disksWithout();
    }

    /** The same without some members, which are missing then. */
    List<String> disksWithout(int... missing) {
        List<String> words = new ArrayList<>();
        for (int member = 0; member < images.size(); member++) {
            int one = member;
            if (Arrays.stream(missing).noneMatch(m -> m == one)) {
                words.add(disk(images.get(member).toString(), member));
            }
        }
        return words;
    }

    /** How a member reads on a command line if it lies elsewhere than it was made. */
    static String disk(String location, int member) {
        return "%s,serial=%s".formatted(location, LinuxGuest.device(member));
    }

    RedoubtProcess serve(String... flags) {
        return redoubt.serve(
                Stream.concat(Arrays.stream(flags), disks().stream()).toList());
    }

    RedoubtProcess serveWithout(int missing, String... flags) {
        return redoubt.serve(Stream.concat(Arrays.stream(flags), disksWithout(missing).stream())
                .toList());
    }

    /** The whole content of a volume as {@code copy} reads it, by its SHA-256. */
    String copied(Scratch scratch, String volume) {
        Path copy = scratch.file("copy-of-" + volume);
        List<String> words = new ArrayList<>(List.of("copy", "--array", volume));
        words.addAll(disks());
        words.add(copy.toString());
        redoubt.command(words).run().mustSucceed();
        return Content.sha256(copy);
    }
}
