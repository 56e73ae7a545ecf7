namespace PgCluster.Playground.Pacemaker;

/// <summary>Where things are on the hosts of a Pacemaker playground. A resource has one definition for all nodes, so each host has its own behind the same paths.</summary>
/// <param name="Cluster">The playground's.</param>
internal sealed record PacemakerPaths(PlaygroundPaths Cluster)
{
    internal const string CorosyncDirectory = "/etc/corosync";
    internal const string CorosyncState = "/var/lib/corosync";
    internal const string PacemakerState = "/var/lib/pacemaker";
    internal const string CibDirectory = PacemakerState + "/cib";
    internal const string CoreDirectory = PacemakerState + "/cores";
    internal const string GroupFile = "/etc/group";

    /// <summary>Program that a server's log is named after.</summary>
    internal const string Server = "postgres";

    /// <summary>The place of what each host has for itself on its disk.</summary>
    internal string Own => Cluster.Of("this-host");

    internal string DataDirectory => Path.Combine(Own, "data");

    /// <summary>Where the resource agent keeps its notes.</summary>
    internal string TemporaryDirectory => Path.Combine(Own, "tmp");

    /// <summary>What a server that was promoted leaves, and without whose removal it does not start as a standby.</summary>
    internal string LockFile => Path.Combine(TemporaryDirectory, "PGSQL.lock");

    /// <summary>The place of each host's logs.</summary>
    internal string OwnLogs => Path.Combine(Logs, "this-host");

    internal string ServerLog => Path.Combine(OwnLogs, Server + ".log");

    /// <summary>All logs, a directory for each host, seen from everywhere.</summary>
    internal string Logs => Cluster.Of("log");

    /// <summary>Log of a program of a host.</summary>
    internal string Log(string host, string program) => Path.Combine(Logs, host, program + ".log");
}
