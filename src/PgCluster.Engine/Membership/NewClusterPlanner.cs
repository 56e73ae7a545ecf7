using System.Globalization;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;

namespace PgCluster.Engine.Membership;

/// <summary>Decides whether a cluster may be made where there is none, on which node its first server, and by which steps.</summary>
public static class NewClusterPlanner
{
    /// <summary>What making the cluster would do and whether it may.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.NodeNotFound"/>, <see cref="Reason.InvalidArgument"/>.</exception>
    public static OperationPlan Plan(InitializeFacts facts, InitializeRequest request, string id)
    {
        ArgumentNullException.ThrowIfNull(facts);
        ArgumentNullException.ThrowIfNull(request);
        if (request.Locale.Length == 0 || request.Encoding.Length == 0 || request.Timeout <= TimeSpan.Zero)
        {
            throw new PgClusterException(Reason.InvalidArgument, "a new cluster needs a locale, an encoding and some time");
        }

        var first = First(facts.Config, request.Primary);
        PreflightCheck[] checks =
        [
            .. InitializeChecks.Store(facts, $"choose another etcd.namespace; or, when that cluster is gone for good, delete what etcd has below {facts.Config.Etcd.Namespace}"),
            .. InitializeChecks.Agents(facts), .. Directories(facts), .. Possible(facts), .. Versions(facts), .. FirstServer(facts.Config, first), .. Copies(facts), .. Access(facts.Config),
            .. InitializeChecks.OtherManagers(facts),
        ];
        return new OperationPlan
        {
            Id = id,
            Kind = "create",
            Cluster = facts.Config.Name,
            To = first?.Name,
            Revision = facts.Store.Revision,
            Checks = checks,
            Steps = first is null || checks.Any(c => c.Status == CheckStatus.Failed) ? [] : Steps(facts.Config, first, request),
        };
    }

    /// <summary>The node whose server is made first; null when none may lead.</summary>
    private static NodeConfig? First(ClusterConfig config, string asked) => asked.Length == 0
        ? config.Nodes.Where(n => !n.NoFailover).OrderByDescending(n => n.Weight).FirstOrDefault()
        : config.Nodes.FirstOrDefault(n => n.Name == asked)
            ?? throw new PgClusterException(Reason.NodeNotFound, $"the configuration has no node '{asked}'; it has {string.Join(", ", config.Nodes.Select(n => n.Name))}") { Target = asked };

    private static PlanStep[] Steps(ClusterConfig config, NodeConfig first, InitializeRequest request)
    {
        var others = string.Join(",", config.Nodes.Select(n => n.Name).Where(n => n != first.Name));
        var look = (config.Agent.StateTtl + (10 * config.Agent.ProbeInterval)).TotalSeconds;
        List<PlanStep> steps =
        [
            new(1, InitializeSteps.Lock, "take the cluster's lock", "", config.Failover.LockTimeout.TotalSeconds, "give it back"),
            new(2, InitializeSteps.Recheck, "are the data directories still empty?", string.Join(",", config.Nodes.Select(n => n.Name)), look),
            new(3, InitializeSteps.Make, $"make a server of {first.Name} beside {first.DataDirectory}: checksums, locale {request.Locale}, encoding {request.Encoding}", first.Name, request.Timeout.TotalSeconds,
                "remove it; nothing else is touched"),
            new(4, InitializeSteps.Begin, "put it in the data directory's place: from here on its agent starts it", first.Name, look, "", true),
            new(5, InitializeSteps.Lead, $"wait until {first.Name} leads and is published", first.Name, look + config.Failover.RestartTimeout.TotalSeconds),
        ];
        if (others.Length > 0)
        {
            steps.Add(new(6, InitializeSteps.Stream, $"wait until the other nodes have copied it and stream from it", others, request.Timeout.TotalSeconds));
        }

        return [.. steps];
    }

    private static IEnumerable<PreflightCheck> Directories(InitializeFacts facts)
    {
        foreach (var (node, server) in facts.Nodes.Where(n => n.Survey is { Server.Data: not DataDirectoryState.Empty }).Select(n => (n.Node, n.Survey!.Server)))
        {
            yield return new(
                "EmptyDirectory", CheckStatus.Failed,
                server.Data == DataDirectoryState.Cluster ? $"{node.Name} has a server already in {node.DataDirectory}" : $"{node.Name}: {server.Evidence}",
                server.Data == DataDirectoryState.Cluster
                    ? "a cluster that is there already is taken under management by Initialize-PgCluster without -New; else move that directory away yourself"
                    : "move what is in that directory away yourself, or name another in the configuration");
        }

        if (facts.Nodes.All(n => n.Survey is { Server.Data: DataDirectoryState.Empty }))
        {
            yield return new("EmptyDirectory", CheckStatus.Passed, "every data directory is missing or empty");
        }
    }

    private static IEnumerable<PreflightCheck> Possible(InitializeFacts facts)
    {
        var obstacles = facts.Nodes.Where(n => n.Survey?.NewServer?.Obstacle is not null).Select(n => $"{n.Name}: {n.Survey!.NewServer!.Obstacle}").ToArray();
        yield return obstacles.Length > 0
            ? new("CanBeMade", CheckStatus.Failed, string.Join("; ", obstacles), "put that right on the node; nothing was changed")
            : new("CanBeMade", CheckStatus.Passed, "PostgreSQL is installed, and its user may write where the data directories are to be");
    }

    private static IEnumerable<PreflightCheck> Versions(InitializeFacts facts)
    {
        var versions = facts.Nodes.Where(n => n.Survey?.NewServer is { Version: > 0 }).ToLookup(n => n.Survey!.NewServer!.Version, n => n.Name);
        yield return versions.Count <= 1
            ? new("OneVersion", CheckStatus.Passed, string.Create(CultureInfo.InvariantCulture, $"every node has PostgreSQL {versions.FirstOrDefault()?.Key}"))
            : new("OneVersion", CheckStatus.Failed, string.Join("; ", versions.Select(v => string.Create(CultureInfo.InvariantCulture, $"{string.Join(", ", v)}: PostgreSQL {v.Key}"))),
                "install one major version everywhere, or name its programs in postgres.bin_directory");
    }

    private static IEnumerable<PreflightCheck> FirstServer(ClusterConfig config, NodeConfig? first)
    {
        yield return first switch
        {
            null => new("FirstServer", CheckStatus.Failed, "no node may lead: all have no_failover", "let one of them lead", Reason.NoEligibleCandidate),
            { NoFailover: true } => new("FirstServer", CheckStatus.Failed, $"{first.Name} must never lead (no_failover)", "name another node", Reason.TargetNotEligible),
            _ => new("FirstServer", CheckStatus.Passed, $"{first.Name} gets the first server{(config.Nodes.Count > 1 ? ", the others copy it" : "")}"),
        };
    }

    private static IEnumerable<PreflightCheck> Copies(InitializeFacts facts)
    {
        if (facts.Config.Nodes.Count == 1)
        {
            yield break;
        }

        yield return !facts.Config.Rejoin.BaseBackup
            ? new("CopiesAllowed", CheckStatus.Failed, "rejoin.base_backup is off: the other nodes would make no copies", "set it to true; it can be turned off again afterwards")
            : facts.Suspended
                ? new("CopiesAllowed", CheckStatus.Failed, "automatic failover is suspended: the agents of the other nodes make no copies meanwhile", "Resume-PgCluster first")
                : new("CopiesAllowed", CheckStatus.Passed, "the other nodes may make copies");
    }

    private static IEnumerable<PreflightCheck> Access(ClusterConfig config)
    {
        var remote = config.Nodes.Where(n => !NewServerAccess.IsLoopback(n.Host)).Select(n => n.Name).ToArray();
        yield return NewServerAccess.HasPasswords(config)
            ? new("Passwords", CheckStatus.Passed, $"{config.Postgres.User} and {config.Postgres.ReplicationUser} get the passwords of {config.Postgres.PasswordFile} on the node; SCRAM over the network")
            : remote.Length > 0
                ? new("Passwords", CheckStatus.Failed, $"postgres.password_file is empty, and {string.Join(", ", remote)} would let everybody in without a password",
                    $"name a password file (host:port:database:user:password, mode 0600, on every node) with a line for {config.Postgres.User} and one for {config.Postgres.ReplicationUser}", Reason.AccessDenied)
                : new("Passwords", CheckStatus.Warning, "postgres.password_file is empty: whoever is on this machine gets in as anybody", "for anything but a try, name a password file");
    }
}
