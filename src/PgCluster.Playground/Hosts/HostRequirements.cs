using PgCluster.Adapters.Process;

namespace PgCluster.Playground.Hosts;

/// <summary>Whether hosts can be made here at all.</summary>
internal static class HostRequirements
{
    private static readonly (string Program, string Package)[] Programs =
        [("ip", "iproute2"), ("unshare", "util-linux"), ("nsenter", "util-linux"), ("setsid", "util-linux"), ("setpriv", "util-linux"), ("mount", "mount")];

    private static readonly string[] Directories = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>, <see cref="Reason.AccessDenied"/>, <see cref="Reason.MissingProgram"/>.</exception>
    internal static void Check()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new PgClusterException(Reason.NotSupportedHere, "Hosts are made of Linux namespaces: this is not Linux.");
        }

        if (!OsAccount.IsRoot)
        {
            throw new PgClusterException(Reason.AccessDenied, "Hosts are made of namespaces and network interfaces: only root may make them.");
        }

        foreach (var (program, package) in Programs)
        {
            if (!Directories.Any(directory => File.Exists(Path.Combine(directory, program))))
            {
                throw new PgClusterException(
                    Reason.MissingProgram, $"The program '{program}' is not installed; on Debian and Ubuntu it is in the package '{package}'.")
                {
                    Target = program,
                };
            }
        }
    }
}
