package redoubt.interop;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What {@code mdadm --examine} prints of one IMSM disk, taken apart: fields of the container, of each disk in its table by
 * index, and of each volume by number; each field by mdadm's own label.
 *
 * @param container fields of the container
 * @param disks fields of each disk; a spare that is in no table has the index -1
 * @param volumes fields of each volume, in order; its name is the field {@code Name}
 */
record MdadmExamine(
        Map<String, String> container, Map<Integer, Map<String, String>> disks, List<Map<String, String>> volumes) {

    private static final Pattern FIELD = Pattern.compile("\\s*(\\S.*?) : (.*?)\\s*");
    private static final Pattern VOLUME = Pattern.compile("\\[(.*)\\]:");
    private static final Pattern DISK = Pattern.compile("\\s*Disk(\\d*) Serial : (.*?)\\s*");

    static MdadmExamine parse(String text) {
        Map<String, String> container = new LinkedHashMap<>();
        Map<Integer, Map<String, String>> disks = new LinkedHashMap<>();
        List<Map<String, String>> volumes = new ArrayList<>();
        Map<String, String> section = container;
        for (String line : text.lines().toList()) {
            Matcher volume = VOLUME.matcher(line);
            Matcher disk = DISK.matcher(line);
            Matcher field = FIELD.matcher(line);
            if (volume.matches()) {
                section = new LinkedHashMap<>();
                section.put("Name", volume.group(1));
                volumes.add(section);
            } else if (disk.matches()) {
                section = new LinkedHashMap<>();
                section.put("Serial", disk.group(2));
                disks.put(disk.group(1).isEmpty() ? -1 : Integer.parseInt(disk.group(1)), section);
            } else if (field.matches()) {
                section.put(field.group(1), field.group(2));
            }
        }
        return new MdadmExamine(container, disks, volumes);
    }
}
