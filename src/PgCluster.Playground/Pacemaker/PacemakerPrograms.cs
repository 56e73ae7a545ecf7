using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Playground.Hosts;

namespace PgCluster.Playground.Pacemaker;

/// <summary>What Pacemaker on hosts of this machine is made of, as Debian's packages install it.</summary>
internal static class PacemakerPrograms
{
    internal const string Corosync = "/usr/sbin/corosync";
    internal const string CorosyncCfgTool = "/usr/sbin/corosync-cfgtool";
    internal const string Pacemakerd = "/usr/sbin/pacemakerd";
    internal const string CrmResource = "/usr/sbin/crm_resource";
    internal const string CrmMon = "/usr/sbin/crm_mon";
    internal const string CibAdmin = "/usr/sbin/cibadmin";
    internal const string ResourceAgent = "/usr/lib/ocf/resource.d/heartbeat/pgsql";

    /// <summary>The user that Pacemaker's daemons run as, and that their files belong to.</summary>
    internal const string User = "hacluster";

    /// <summary>Whose members may ask Pacemaker for changes.</summary>
    internal const string Group = "haclient";

    private static readonly (string File, string Package)[] Files =
    [
        (Corosync, "corosync"), (CorosyncCfgTool, "corosync"), (Pacemakerd, "pacemaker"), (CrmResource, "pacemaker-cli-utils"), (CrmMon, "pacemaker-cli-utils"),
        (CibAdmin, "pacemaker-cli-utils"), (ResourceAgent, "resource-agents"), (OcfFunctions.Installed, "resource-agents"),
    ];

    /// <summary>Says no before anything is made.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NotSupportedHere"/>, <see cref="Reason.AccessDenied"/>, <see cref="Reason.MissingProgram"/>, which names every package that is missing.</exception>
    internal static void Check()
    {
        HostRequirements.Check();
        var packages = Files.Where(file => !File.Exists(file.File)).Select(file => file.Package).Distinct().ToList();
        if (!File.Exists(Psql))
        {
            packages.Add("postgresql-client");
        }

        if (packages.Count > 0)
        {
            throw new PgClusterException(
                Reason.MissingProgram,
                $"Pacemaker and its resource agent for PostgreSQL are not all installed; on Debian and Ubuntu these packages are missing: {string.Join(", ", packages)}.")
            {
                Target = packages[0],
            };
        }

        if (OsAccount.Find(User) is null)
        {
            throw new PgClusterException(Reason.MissingProgram, $"The user '{User}' is missing; on Debian and Ubuntu the package 'pacemaker-common' makes it.") { Target = User };
        }
    }

    /// <summary>psql of the servers' own version.</summary>
    internal static string Psql => Path.Combine(PostgresBinaries.Find(null), "psql");
}
