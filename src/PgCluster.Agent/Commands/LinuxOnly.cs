namespace PgCluster.Agent.Commands;

/// <summary>Refuses what needs Linux elsewhere, by name.</summary>
internal static class LinuxOnly
{
    public static Task<int> RunAsync(string what, Func<Task<int>> run) => OperatingSystem.IsLinux()
        ? run()
        : throw new PgClusterException(Reason.NotSupportedHere, $"'pgcluster {what}' needs Linux; the client commands work here.");
}
