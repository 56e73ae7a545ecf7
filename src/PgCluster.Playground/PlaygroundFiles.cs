using System.Globalization;
using System.Text;
using PgCluster.Adapters.Toml;
using PgCluster.Engine.Configuration;

namespace PgCluster.Playground;

/// <summary>The configuration files of a playground, as text.</summary>
internal static class PlaygroundFiles
{
    internal const string Host = "127.0.0.1";
    internal const string ReplicationUser = "replicator";
    internal const string AppUser = "app";
    internal const string AppDatabase = "app";

    internal static string PostgresConf(PlaygroundState state, PlaygroundPaths paths, PlaygroundState.Server server) => Lines([
        "# Written by the playground. Settings that move with the primary are in postgresql.auto.conf.",
        $"cluster_name = '{state.Name}/{server.Name}'",
        $"listen_addresses = '{server.Host}'",
        $"port = {server.Port}",
        $"unix_socket_directories = '{QuoteConf(paths.Sockets)}'",
        "max_connections = 200",
        "shared_buffers = 32MB",
        "",
        "# Segments of files in the data directory: a killed server leaves none in /dev/shm.",
        "dynamic_shared_memory_type = mmap",
        "",
        "# Real durability: what is measured here is what a production server would do.",
        "fsync = on",
        "synchronous_commit = on",
        $"synchronous_standby_names = '{QuoteConf(SynchronousStandbys(state, server.Name))}'",
        "wal_level = replica",
        "wal_log_hints = on",
        "hot_standby = on",
        "max_wal_senders = 10",
        "max_replication_slots = 20",
        "wal_keep_size = 256MB",
        "max_wal_size = 512MB",
        "",
        "# A standby looks for its primary again after 0.2 s, not 5 s: commits wait for it.",
        "wal_retrieve_retry_interval = 200ms",
        .. Timeouts(state.Manager),
        "",
        "logging_collector = off",
        "log_destination = stderr",
        "log_line_prefix = '%m [%p] %q%u@%d '",
        "lc_messages = 'C'"]);

    /// <summary>
    /// When a standby that is silent counts as gone. Pacemaker's resource agent lets commits go on without it then, and a primary that was cut off is to be stopped before that: it takes Pacemaker 10 s.
    /// </summary>
    private static string[] Timeouts(ClusterManager manager) => manager == ClusterManager.Native
        ? ["wal_sender_timeout = 10s", "wal_receiver_timeout = 10s", "tcp_keepalives_idle = 5", "tcp_keepalives_interval = 1", "tcp_keepalives_count = 3"]
        : ["wal_sender_timeout = 20s", "wal_receiver_timeout = 10s", "tcp_keepalives_idle = 14", "tcp_keepalives_interval = 2", "tcp_keepalives_count = 3"];

    /// <summary>
    /// The others, so that every node has its list ready for when it becomes the primary; empty when nobody waits, and where Pacemaker's resource agent keeps the list: it refuses a server
    /// that has one of its own.
    /// </summary>
    internal static string SynchronousStandbys(PlaygroundState state, string server)
    {
        var others = state.Servers.Where(other => other.Name != server).Select(other => $"\"{other.Name}\"").ToList();
        return state is { Synchronous: true, Manager: ClusterManager.Native } && others.Count > 0 ? $"FIRST 1 ({string.Join(", ", others)})" : "";
    }

    /// <summary>PgBouncer's template: {{.Host}} and {{.Port}} are the primary's; after a switchover they and {{.Database}} are the other database's.</summary>
    /// <param name="paths">Where the playground's files are.</param>
    /// <param name="pooler">The pooler.</param>
    /// <param name="leaderTtl">leader.ttl: how long it takes until somebody else leads when a host is gone without a word.</param>
    internal static string PoolerTemplate(PlaygroundPaths paths, PlaygroundState.Pooler pooler, TimeSpan leaderTtl) => Lines(
        "; Rendered from pgbouncer.ini.template: change that one.",
        "[databases]",
        $"{AppDatabase} = host={{{{.Host}}}} port={{{{.Port}}}} dbname={{{{.Database}}}}",
        "postgres = host={{.Host}} port={{.Port}} dbname=postgres",
        "",
        "[pgbouncer]",
        $"listen_addr = {pooler.Host}",
        $"listen_port = {pooler.Port}",
        $"unix_socket_dir = {paths.Sockets}",
        $"pidfile = {paths.PoolerPidFile(pooler.Name)}",
        "auth_type = trust",
        $"auth_file = {paths.UserList}",
        "admin_users = postgres, pgbouncer",
        "pool_mode = transaction",
        "max_client_conn = 1000",
        "; Clients beyond these wait for a connection, and go on waiting when the server is lost; a statement that has one fails then.",
        "default_pool_size = 10",
        "ignore_startup_parameters = extra_float_digits",
        "",
        "; How long clients wait after a server that could not be reached, even when the next one can: 15 s by default. With 0 PgBouncer would",
        "; try again in a loop that takes a whole processor.",
        "server_login_retry = 0.1",
        "; A host that is gone without a word: give up its connections at three quarters of leader.ttl, not after 15 min. Clients that come back wait by then, and",
        "; nothing that leads nowhere is left when somebody else leads.",
        string.Create(CultureInfo.InvariantCulture, $"tcp_user_timeout = {leaderTtl.TotalMilliseconds * 0.75:0}"),
        "log_connections = 0",
        "log_disconnections = 0");

    internal static string Render(string template, PlaygroundState.Server primary) => template
        .Replace("{{.Host}}", primary.Host, StringComparison.Ordinal)
        .Replace("{{.Port}}", primary.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
        .Replace("{{.Database}}", AppDatabase, StringComparison.Ordinal);

    /// <summary>Trust still asks that the user is known here.</summary>
    internal static string UserList() => Lines($"\"{AppUser}\" \"\"", "\"postgres\" \"\"", "\"pgbouncer\" \"\"");

    internal static string ClusterToml(
        PlaygroundState state, PlaygroundPaths paths, PlaygroundPrograms programs, IReadOnlyDictionary<string, string> settings) =>
        ConfigRenderer.Render(With(settings, Cluster(state, paths, programs)), comments: true);

    /// <summary>A configuration with these options changed.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>.</exception>
    internal static ClusterConfig With(IReadOnlyDictionary<string, string> settings, ClusterConfig config) => ConfigBinder.Bind(new ConfigSources
    {
        File = TomlReader.ParseUtf8(Encoding.UTF8.GetBytes(ConfigRenderer.Render(config, comments: false)), "cluster.toml"),
        FileName = "cluster.toml",
        WorkingDirectory = "/",
        Environment = new Dictionary<string, string>(),
        Flags = settings,
    }).Config;

    internal static ClusterConfig Cluster(PlaygroundState state, PlaygroundPaths paths, PlaygroundPrograms programs) => new()
    {
        Name = state.Name,
        Manager = state.Manager,
        Etcd = new EtcdConfig
        {
            Endpoints = [.. state.Etcd.Select(EtcdEndpoint)],
            Namespace = EtcdConfig.DefaultNamespace(state.Name),
        },
        Postgres = new PostgresConfig { BinDirectory = programs.PostgresBin, ReplicationUser = ReplicationUser, Database = AppDatabase },
        Nodes =
        [
            .. state.Servers.Select((server, index) => new NodeConfig
            {
                Name = server.Name,
                Host = server.Host,
                Port = server.Port,
                Agent = new HostPort(server.Host, server.AgentPort),
                Http = new HostPort(server.Host, server.HttpPort),
                DataDirectory = paths.Data(server.Name),
                LogFile = paths.ServerLog(server.Name),
                FailureDomain = string.Create(CultureInfo.InvariantCulture, $"zone{index + 1}"),
            }),
        ],
        Poolers =
        [
            .. state.Poolers.Select(pooler => new PoolerConfig
            {
                Name = pooler.Name,
                Host = pooler.Host,
                Port = pooler.Port,
                Node = pooler.Node,
                Keeper = new HostPort(pooler.Host, pooler.KeeperPort),
                SocketDirectory = paths.Sockets,
                ConfigFile = paths.PoolerConfig(pooler.Name),
                TemplateFile = paths.PoolerTemplate(pooler.Name),
            }),
        ],
    };

    /// <summary>Who may connect to a server that has clients on other hosts: whoever is on their network.</summary>
    internal static string HostAccess(string network) => Lines(
        "local all all trust",
        "local replication all trust",
        "host all all 127.0.0.1/32 trust",
        "host replication all 127.0.0.1/32 trust",
        $"host all all {network} trust",
        $"host replication all {network} trust");

    /// <summary>libpq URI of a pooler's clients.</summary>
    internal static string ClientUri(PlaygroundState.Pooler pooler) =>
        $"postgresql://{AppUser}@{Address(pooler.Host, pooler.Port)}/{AppDatabase}";

    internal static string EtcdEndpoint(PlaygroundState.EtcdMember member) => "http://" + Address(member.Host, member.ClientPort);

    internal static string Address(string host, int port) => string.Create(CultureInfo.InvariantCulture, $"{host}:{port}");

    private static string Lines(params string[] lines) => string.Join('\n', lines) + "\n";

    private static string QuoteConf(string value) =>
        value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal);
}
