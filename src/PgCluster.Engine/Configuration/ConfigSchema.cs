using static PgCluster.Engine.Configuration.ConfigKinds;

namespace PgCluster.Engine.Configuration;

/// <summary>
/// The options, once: reading, precedence, defaults, errors and rendering all come from this list. Defaults are the initial values of the
/// records. An option is added here and in its record, and nowhere else.
/// </summary>
public static class ConfigSchema
{
    static readonly TimeSpan OneSecond = TimeSpan.FromSeconds(1);

    /// <summary>etcd needs 1 to 2 s to change its own leader: under a shorter lease that would count as the loss of the primary.</summary>
    static readonly TimeSpan ShortestLease = TimeSpan.FromSeconds(3);

    /// <summary>Stands for an address that is required, until it is bound.</summary>
    static readonly HostPort NoAddress = new("", 0);

    static readonly NodeConfig NewNode = new() { Name = "", Host = "", Agent = NoAddress, Http = NoAddress };

    static readonly PoolerConfig NewPooler = new() { Name = "", Host = "", Keeper = NoAddress };

    /// <summary>A configuration where nothing is set.</summary>
    internal static ClusterConfig Defaults { get; } = new() { Name = "" };

    /// <summary>The tables, in the order they are rendered.</summary>
    internal static IReadOnlyList<ConfigSection> Sections { get; } =
    [
        new TableSection<ClusterConfig>("cluster", "The cluster as a whole.", c => c, (_, c) => c)
        {
            { "name", Name, c => c.Name, (c, v) => c with { Name = v }, "The cluster's name.", Fallback.None },
            { "manager", Choice<ClusterManager>(), c => c.Manager, (c, v) => c with { Manager = v },
                "What holds the cluster together: the agents themselves, or Pacemaker." },
        },
        new TableSection<EtcdConfig>("etcd", "How to reach etcd, and what the keys are called.", c => c.Etcd, (c, s) => c with { Etcd = s })
        {
            { "endpoints", Endpoints, e => e.Endpoints, (e, v) => e with { Endpoints = v },
                "Base addresses of the members; in a variable or flag separated by commas." },
            { "namespace", KeyPrefix, e => e.Namespace, (e, v) => e with { Namespace = v }, "Prefix of every key; empty for none.",
                Fallback.From("/pgcluster/ and the cluster's name") },
            { "user", Text, e => e.User, (e, v) => e with { User = v }, "User name; empty when etcd asks for none." },
            { "password_file", OptionalPath, e => e.PasswordFile, (e, v) => e with { PasswordFile = v }, "File with the user's password." },
            { "ca_file", OptionalPath, e => e.CaFile, (e, v) => e with { CaFile = v },
                "PEM file with the CA of etcd's certificates; empty for the machine's own." },
            { "cert_file", OptionalPath, e => e.CertFile, (e, v) => e with { CertFile = v },
                "PEM file with the certificate shown to etcd." },
            { "key_file", OptionalPath, e => e.KeyFile, (e, v) => e with { KeyFile = v }, "PEM file with the key of that certificate." },
            { "timeout", Duration(), e => e.Timeout, (e, v) => e with { Timeout = v }, "Budget of one request." },
            { "dial_timeout", Duration(), e => e.DialTimeout, (e, v) => e with { DialTimeout = v }, "Budget of one connection attempt." },
            { "keep_alive_time", Duration(), e => e.KeepAliveTime, (e, v) => e with { KeepAliveTime = v },
                "Silence after which a connection is probed." },
            { "keep_alive_timeout", Duration(), e => e.KeepAliveTimeout, (e, v) => e with { KeepAliveTimeout = v },
                "How long the answer to a probe may take before the connection is given up." },
            { "primary_key", Key, e => e.PrimaryKey, (e, v) => e with { PrimaryKey = v },
                "Key of the primary's address, below the namespace." },
        },
        new TableSection<TlsConfig>("tls", "Mutual TLS between agents, proxies, cmdlets and the command line: all three files or none.",
            c => c.Tls, (c, s) => c with { Tls = s })
        {
            { "ca_file", OptionalPath, t => t.CaFile, (t, v) => t with { CaFile = v }, "PEM file with the CA that signs both sides." },
            { "cert_file", OptionalPath, t => t.CertFile, (t, v) => t with { CertFile = v }, "PEM file with this process's certificate." },
            { "key_file", OptionalPath, t => t.KeyFile, (t, v) => t with { KeyFile = v }, "PEM file with the key of that certificate." },
        },
        new TableSection<PostgresConfig>("postgres", "What all PostgreSQL servers have in common.",
            c => c.Postgres, (c, s) => c with { Postgres = s })
        {
            { "bin_directory", OptionalPath, p => p.BinDirectory, (p, v) => p with { BinDirectory = v },
                "Directory of pg_ctl and its siblings; empty to look for it." },
            { "user", NonEmptyText, p => p.User, (p, v) => p with { User = v }, "Role the agent connects as." },
            { "database", NonEmptyText, p => p.Database, (p, v) => p with { Database = v }, "Database the agent connects to." },
            { "password_file", OptionalPath, p => p.PasswordFile, (p, v) => p with { PasswordFile = v },
                "File with that role's password; empty for none." },
            { "replication_user", NonEmptyText, p => p.ReplicationUser, (p, v) => p with { ReplicationUser = v },
                "Role standbys stream as." },
            { "connect_timeout", Duration(), p => p.ConnectTimeout, (p, v) => p with { ConnectTimeout = v },
                "Budget of one connection attempt." },
        },
        new TableSection<AgentConfig>("agent", "How an agent watches its server.", c => c.Agent, (c, s) => c with { Agent = s })
        {
            { "probe_interval", Duration(), a => a.ProbeInterval, (a, v) => a with { ProbeInterval = v },
                "Time between two looks at the server." },
            { "state_ttl", Duration(OneSecond), a => a.StateTtl, (a, v) => a with { StateTtl = v },
                "How long an agent's published state outlives it." },
            { "handover_on_stop", TrueOrFalse, a => a.HandoverOnStop, (a, v) => a with { HandoverOnStop = v },
                "True when an agent that is asked to stop gives its node's role to another node first, the primary's too." },
            { "handoff_directory", OptionalPath, a => a.HandoffDirectory, (a, v) => a with { HandoffDirectory = v },
                "Directory in which a daemon gives its sockets and state to the one that follows it; empty for none." },
            { "drain_timeout", Duration(), a => a.DrainTimeout, (a, v) => a with { DrainTimeout = v },
                "How long open streams go on in a daemon that another one follows." },
            { "key_retry_interval", Duration(), a => a.KeyRetryInterval, (a, v) => a with { KeyRetryInterval = v },
                "Time before a failed write of the primary's key is tried again." },
        },
        new TableSection<ProxyConfig>("proxy", "How a proxy follows the primary.", c => c.Proxy, (c, s) => c with { Proxy = s })
        {
            { "poll_interval", Duration(), p => p.PollInterval, (p, v) => p with { PollInterval = v },
                "Time between two reads of the primary's key, beside the watch." },
            { "get_timeout", Duration(), p => p.GetTimeout, (p, v) => p with { GetTimeout = v }, "Budget of one such read." },
            { "retry_interval", Duration(), p => p.RetryInterval, (p, v) => p with { RetryInterval = v },
                "Time before a failed re-pointing is tried again." },
            { "pooler_timeout", Duration(), p => p.PoolerTimeout, (p, v) => p with { PoolerTimeout = v },
                "Budget of one re-pointing of PgBouncer." },
        },
        new TableSection<LeaderConfig>("leader", "The leader's lease.", c => c.Leader, (c, s) => c with { Leader = s })
        {
            { "ttl", Duration(ShortestLease), l => l.Ttl, (l, v) => l with { Ttl = v },
                "How long after a leader's host is gone somebody else may take over." },
            { "failsafe", TrueOrFalse, l => l.Failsafe, (l, v) => l with { Failsafe = v },
                "True when a leader that has lost etcd goes on while every other agent vouches for it." },
            { "watchdog", Choice<WatchdogMode>(), l => l.Watchdog, (l, v) => l with { Watchdog = v },
                "Whether a watchdog device resets the machine of a leader that nothing else can stop in time." },
            { "watchdog_device", RequiredPath, l => l.WatchdogDevice, (l, v) => l with { WatchdogDevice = v }, "The watchdog device." },
        },
        new TableSection<RejoinConfig>("rejoin", "What an agent may do by itself to bring its node back as a standby.",
            c => c.Rejoin, (c, s) => c with { Rejoin = s })
        {
            { "rewind", TrueOrFalse, r => r.Rewind, (r, v) => r with { Rewind = v }, "True when WAL that only this node has may be taken back (pg_rewind)." },
            { "base_backup", TrueOrFalse, r => r.BaseBackup, (r, v) => r with { BaseBackup = v },
                "True when a new base backup may replace the data directory, where nothing less helps." },
            { "keep_copy", TrueOrFalse, r => r.KeepCopy, (r, v) => r with { KeepCopy = v }, "True when what is discarded is kept beside the data directory." },
            { "slots", TrueOrFalse, r => r.Slots, (r, v) => r with { Slots = v },
                "True when every server keeps WAL for every other node in a physical replication slot." },
            { "slot_wal_limit", Size, r => r.SlotWalLimit, (r, v) => r with { SlotWalLimit = v },
                "WAL that is kept for a node which does not stream; beyond that its slot is dropped." },
        },
        new TableSection<FailoverConfig>("failover", "The budgets and limits of a failover.",
            c => c.Failover, (c, s) => c with { Failover = s })
        {
            { "mode", Choice<FailoverMode>(), f => f.Mode, (f, v) => f with { Mode = v },
                "What the agents do when the primary is gone: replace it, say in the history what they would do, or leave it to a person." },
            { "primary_crash", Choice<CrashPolicy>(), f => f.PrimaryCrash, (f, v) => f with { PrimaryCrash = v },
                "What is done when the primary's PostgreSQL dies: hand over, restart in place, or hand over when a synchronous standby has every commit." },
            { "restart_timeout", Duration(), f => f.RestartTimeout, (f, v) => f with { RestartTimeout = v },
                "How long a primary that crashed may take to come back in place before it is replaced." },
            { "health_check_timeout", Duration(), f => f.HealthCheckTimeout, (f, v) => f with { HealthCheckTimeout = v },
                "Budget of asking one agent for its state." },
            { "lock_timeout", Duration(), f => f.LockTimeout, (f, v) => f with { LockTimeout = v },
                "Budget of taking, and of giving back, the cluster's lock." },
            { "lock_ttl", Duration(OneSecond), f => f.LockTtl, (f, v) => f with { LockTtl = v },
                "How long the lock outlives a holder that died." },
            // pgcm's messages carry whole seconds: less than one would arrive as none at all.
            { "pause_timeout", Duration(OneSecond), f => f.PauseTimeout, (f, v) => f with { PauseTimeout = v },
                "How long one pooler may take to pause." },
            { "pause_expiry", Duration(OneSecond), f => f.PauseExpiry, (f, v) => f with { PauseExpiry = v },
                "When a pooler resumes by itself, counted from the receipt of the pause." },
            { "resume_timeout", Duration(), f => f.ResumeTimeout, (f, v) => f with { ResumeTimeout = v },
                "Budget of resuming all poolers." },
            { "migrate_timeout", Duration(), f => f.MigrateTimeout, (f, v) => f with { MigrateTimeout = v },
                "Budget from the stop of the old primary until the new one is published." },
            { "undo_timeout", Duration(), f => f.UndoTimeout, (f, v) => f with { UndoTimeout = v }, "Budget of all undo together." },
            { "follow_timeout", Duration(), f => f.FollowTimeout, (f, v) => f with { FollowTimeout = v },
                "Budget of the other nodes to follow the new primary." },
            { "max_lag", Size, f => f.MaxLag, (f, v) => f with { MaxLag = v },
                "WAL a target may lag behind before a planned failover refuses." },
            { "blocker_age", Duration(), f => f.BlockerAge, (f, v) => f with { BlockerAge = v },
                "Age from which an open transaction counts as a blocker of a pause." },
            { "max_archive_backlog", Integer("WAL segments", 0, int.MaxValue),
                f => f.MaxArchiveBacklog, (f, v) => f with { MaxArchiveBacklog = v },
                "WAL segments that may wait for the archiver before a planned failover refuses." },
        },
        new TableSection<HealthConfig>("health", "How the observers look at the nodes and agree on who is well.",
            c => c.Health, (c, s) => c with { Health = s })
        {
            { "interval", Duration(), h => h.Interval, (h, v) => h with { Interval = v },
                "Time between the end of one look at all nodes and the next." },
            { "probe_timeout", Duration(), h => h.ProbeTimeout, (h, v) => h with { ProbeTimeout = v },
                "Budget of one look at all nodes." },
            { "failover_timeout", Duration(), h => h.FailoverTimeout, (h, v) => h with { FailoverTimeout = v },
                "How long an observer that saw a node well vouches for it." },
            { "observer_timeout", Duration(OneSecond), h => h.ObserverTimeout, (h, v) => h with { ObserverTimeout = v },
                "How long an observer keeps its vote after its last look." },
            { "quorum", Choice<QuorumRule>(), h => h.Quorum, (h, v) => h with { Quorum = v },
                "How many of the observers have to agree that a node is healthy: more than half, or at least half." },
        },
        new TableSection<SynchronousConfig>("synchronous", "What commits wait for, and who keeps the list of synchronous standbys.",
            c => c.Synchronous, (c, s) => c with { Synchronous = s })
        {
            { "mode", Choice<SynchronousMode>(), s => s.Mode, (s, v) => s with { Mode = v },
                "Leave synchronous_standby_names to the operator, wait for nobody, wait for the standbys there are, or always wait." },
            { "standbys", Integer("standbys", 1, 100), s => s.Standbys, (s, v) => s with { Standbys = v }, "How many standbys a commit waits for." },
            { "method", Choice<SynchronousMethod>(), s => s.Method, (s, v) => s with { Method = v },
                "Name every standby that may be and take the quickest, or name only the preferred ones." },
            { "max_lag", Size, s => s.MaxLag, (s, v) => s with { MaxLag = v },
                "WAL a standby may lag behind when commits begin to wait for it." },
        },
        new TableSection<RolesConfig>("roles", "How many nodes vote and stream; followed by the leader unless synchronous.mode is manual.",
            c => c.Roles, (c, s) => c with { Roles = s })
        {
            { "voters", Integer("nodes", 1, 100), r => r.Voters, (r, v) => r with { Voters = v },
                "How many voters there are to be: the primary and the standbys that commits may wait for." },
            { "standbys", Integer("nodes", 0, 100), r => r.Standbys, (r, v) => r with { Standbys = v },
                "How many nodes are to stream besides, without a commit waiting for them." },
            { "adjustment_interval", Duration(OneSecond), r => r.AdjustmentInterval, (r, v) => r with { AdjustmentInterval = v },
                "Time between two adjustments; a node that comes, goes, fails or is well again is followed at once." },
            { "hook", CommandLine, r => r.Hook, (r, v) => r with { Hook = v },
                "A program with its arguments that the leader runs after every adjustment, with the plan as JSON on standard input; empty for none." },
            { "hook_timeout", Duration(), r => r.HookTimeout, (r, v) => r with { HookTimeout = v },
                "How long the hook may take; it is killed after that." },
        },
        new TableSection<PacemakerConfig>("pacemaker", "How agents ask Pacemaker, where cluster.manager is \"pacemaker\".",
            c => c.Pacemaker, (c, s) => c with { Pacemaker = s })
        {
            { "resource", Text, p => p.Resource, (p, v) => p with { Resource = v },
                "Primitive or clone of PostgreSQL; empty where Pacemaker runs only one." },
            { "poll_interval", Duration(), p => p.PollInterval, (p, v) => p with { PollInterval = v },
                "Time between two looks at Pacemaker, beside those that a change brings about." },
            { "query_timeout", Duration(), p => p.QueryTimeout, (p, v) => p with { QueryTimeout = v }, "Budget of one look." },
            { "command_timeout", Duration(), p => p.CommandTimeout, (p, v) => p with { CommandTimeout = v },
                "Budget of one order to Pacemaker, not of what becomes of it." },
            { "primary_xpath", XPath, p => p.PrimaryXpath, (p, v) => p with { PrimaryXpath = v },
                "XPath of the primary's node in the cluster information base; empty to go by the status PRI of an online node." },
            { "synchronous_xpath", XPath, p => p.SynchronousXpath, (p, v) => p with { SynchronousXpath = v },
                "XPath of the synchronous standby's node; empty to go by the status HS:sync of an online node." },
            { "clear_lock_file", TrueOrFalse, p => p.ClearLockFile, (p, v) => p with { ClearLockFile = v },
                "True when an agent removes PGSQL.lock of an old primary that is proven clean, and has Pacemaker start it again." },
        },
        new TableArraySection<NodeConfig>("nodes", "One PostgreSQL server and its agent.",
            NewNode, c => c.Nodes, (c, v) => c with { Nodes = v })
        {
            { "name", Name, n => n.Name, (n, v) => n with { Name = v }, "The node's name; its standby streams under it.", Fallback.None },
            { "host", Host, n => n.Host, (n, v) => n with { Host = v },
                "Where other nodes and poolers reach its PostgreSQL.", Fallback.None },
            { "port", Port, n => n.Port, (n, v) => n with { Port = v }, "Port of its PostgreSQL." },
            { "agent", Address, n => n.Agent, (n, v) => n with { Agent = v }, "Where its agent serves the agent API.", Fallback.None },
            { "http", Address, n => n.Http, (n, v) => n with { Http = v }, "Where its agent serves health and metrics.", Fallback.None },
            { "pgcm", OptionalAddress, n => n.Pgcm, (n, v) => n with { Pgcm = v },
                "Where pgsql-cluster-manager's service is served too, in plain text and to everybody who reaches it; empty for nowhere." },
            { "data_directory", OptionalPath, n => n.DataDirectory, (n, v) => n with { DataDirectory = v },
                "PostgreSQL's data directory; its agent needs it, unless Pacemaker knows it." },
            { "log_file", OptionalPath, n => n.LogFile, (n, v) => n with { LogFile = v },
                "File that takes the server's output when the agent starts it." },
            { "failure_domain", Text, n => n.FailureDomain, (n, v) => n with { FailureDomain = v },
                "Rack, zone or site: nodes of one domain may fail together." },
            { "weight", Integer("number", int.MinValue, int.MaxValue), n => n.Weight, (n, v) => n with { Weight = v },
                "Preference among equals; higher is taken first." },
            { "no_failover", TrueOrFalse, n => n.NoFailover, (n, v) => n with { NoFailover = v },
                "True when this node must never be promoted." },
        },
        new TableArraySection<PoolerConfig>("poolers", "One PgBouncer and the process that keeps its pauses.", NewPooler,
            c => c.Poolers, (c, v) => c with { Poolers = v })
        {
            { "name", Name, p => p.Name, (p, v) => p with { Name = v }, "The pooler's name.", Fallback.None },
            { "host", Host, p => p.Host, (p, v) => p with { Host = v }, "Where its clients reach it.", Fallback.None },
            { "port", Port, p => p.Port, (p, v) => p with { Port = v }, "Port its clients use." },
            { "node", Text, p => p.Node, (p, v) => p with { Node = v },
                "Name of the PostgreSQL node it stands beside; empty on an application host." },
            { "keeper", Address, p => p.Keeper, (p, v) => p with { Keeper = v }, "Where the process listens that keeps its pauses.",
                Fallback.From("the agent of its node") },
            { "user", NonEmptyText, p => p.User, (p, v) => p with { User = v }, "Role of the admin console." },
            { "password_file", OptionalPath, p => p.PasswordFile, (p, v) => p with { PasswordFile = v },
                "File with that role's password; empty for none." },
            { "database", NonEmptyText, p => p.Database, (p, v) => p with { Database = v }, "Database name of the admin console." },
            { "socket_directory", OptionalPath, p => p.SocketDirectory, (p, v) => p with { SocketDirectory = v },
                "Directory of its Unix socket; empty to use host and port." },
            { "config_file", RequiredPath, p => p.ConfigFile, (p, v) => p with { ConfigFile = v },
                "PgBouncer's configuration, written from the template." },
            { "template_file", RequiredPath, p => p.TemplateFile, (p, v) => p with { TemplateFile = v },
                "What that file is rendered from." },
        },
    ];

    /// <summary>Every option, in the order they are rendered.</summary>
    public static IReadOnlyList<ConfigOption> Options { get; } = [.. Sections.SelectMany(section => section.Options)];
}
