using System.Globalization;
using System.Text;

namespace PgCluster.Playground;

/// <summary>Where things are below a playground's directory.</summary>
internal sealed record PlaygroundPaths(string Root)
{
    /// <summary>Longest path of a Unix socket, without the final zero byte (sockaddr_un).</summary>
    private const int MaxSocketPath = 107;

    internal string State => Path.Combine(Root, PlaygroundState.FileName);

    internal string Config => Path.Combine(Root, "cluster.toml");

    /// <summary>Unix sockets of servers and poolers; one letter, because their paths must stay short.</summary>
    internal string Sockets => Path.Combine(Root, "s");

    /// <summary>Where daemons follow one another (agent.handoff_directory), as short as that.</summary>
    internal string Handoff => Path.Combine(Root, "h");

    /// <summary>False where the sockets of daemons would have longer paths than a system takes: these cannot be followed then.</summary>
    internal bool HasRoomForHandoff(string cluster) => Encoding.UTF8.GetByteCount(Path.Combine(Handoff, cluster, "supervise-pg01", "1234567890.sock")) <= MaxSocketPath;

    /// <summary>The file that names the process which is at work as a daemon.</summary>
    internal string HandoffOwner(string cluster, string daemon) => Path.Combine(Handoff, cluster, daemon, "owner");

    internal string UserList => Path.Combine(Root, "userlist.txt");

    internal string Of(string part) => Path.Combine(Root, part);

    internal string Data(string server) => Path.Combine(Root, server, "data");

    internal string ServerLog(string server) => Path.Combine(Root, server, "postgres.log");

    internal string PoolerTemplate(string pooler) => Path.Combine(Root, pooler, "pgbouncer.ini.template");

    internal string PoolerConfig(string pooler) => Path.Combine(Root, pooler, "pgbouncer.ini");

    internal string PoolerPidFile(string pooler) => Path.Combine(Root, pooler, "pgbouncer.pid");

    internal string Log(string part, string program) => Path.Combine(Root, part, program + ".log");

    /// <exception cref="PgClusterException"><see cref="Reason.InvalidArgument"/> when sockets would not fit.</exception>
    internal void Validate()
    {
        var longest = Encoding.UTF8.GetByteCount(Path.Combine(Sockets, ".s.PGSQL.65535.lock")) - ".lock".Length;
        if (longest > MaxSocketPath)
        {
            throw new PgClusterException(
                Reason.InvalidArgument,
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"'{Root}' is too long a path: the Unix sockets below it would have {longest} bytes, and {MaxSocketPath} is the most a system takes. Choose a shorter base directory or name."))
            {
                Target = Root,
            };
        }
    }
}
