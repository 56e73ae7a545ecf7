namespace PgCluster.Playground;

/// <summary>Tells this boot of the machine from another: pids and their moments of start only mean something within one.</summary>
internal static class BootId
{
    internal static string Current { get; } = Read();

    private static string Read()
    {
        const string File = "/proc/sys/kernel/random/boot_id";
        return System.IO.File.Exists(File) ? System.IO.File.ReadAllText(File).Trim() : "";
    }
}
