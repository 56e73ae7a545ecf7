namespace PgCluster.Engine.Configuration;

/// <summary>One PgBouncer and the process that keeps its pauses.</summary>
public sealed record PoolerConfig
{
    /// <summary>The pooler's name.</summary>
    public required string Name { get; init; }

    /// <summary>Host name or address its clients use.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port its clients use.</summary>
    public int Port { get; init; } = 6432;

    /// <summary>Name of the PostgreSQL node it stands beside; empty on an application host.</summary>
    public string Node { get; init; } = "";

    /// <summary>Where the process listens that keeps its pauses. What is loaded without one gets the agent of <see cref="Node"/>.</summary>
    public required HostPort Keeper { get; init; }

    /// <summary>Role of the admin console; one of PgBouncer's admin_users.</summary>
    public string User { get; init; } = "pgbouncer";

    /// <summary>File with the password of <see cref="User"/>; empty for none.</summary>
    public string PasswordFile { get; init; } = "";

    /// <summary>Database name of the admin console.</summary>
    public string Database { get; init; } = "pgbouncer";

    /// <summary>Directory of PgBouncer's Unix socket; empty to use <see cref="Host"/> and <see cref="Port"/>.</summary>
    public string SocketDirectory { get; init; } = "";

    /// <summary>PgBouncer's configuration, written from <see cref="TemplateFile"/>.</summary>
    public string ConfigFile { get; init; } = "/etc/pgbouncer/pgbouncer.ini";

    /// <summary>What <see cref="ConfigFile"/> is rendered from.</summary>
    public string TemplateFile { get; init; } = "/etc/pgbouncer/pgbouncer.ini.template";
}
