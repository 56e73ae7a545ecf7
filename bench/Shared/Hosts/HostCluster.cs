using System.Globalization;
using System.Net;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Engine.Nodes;
using PgCluster.Playground;
using PgCluster.Playground.Hosts;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Bench.Hosts;

/// <summary>
/// Our cluster: agent, PgBouncer and proxy beside each PostgreSQL, PgBouncer and proxy on the application's host. The settings are those of a
/// playground; between hosts agents speak mutual TLS.
/// </summary>
internal sealed class HostCluster(HostNetwork network, EtcdLayout layout, HostedClusterOptions options) : HostedCluster(network, layout, options)
{
    // As their systemd units have it.
    private const int Niceness = -10;

    private (string Program, string[] First) _agent;
    private PlaygroundState _state = null!;

    public string ConfigFile => Paths.Config;

    public ClusterConnection Client { get; private set; } = null!;

    protected override int RoutePort => 6432;

    public HostUnit Agent(string node) => Unit("agent-" + node);

    public override Task<(SoundRoles? Roles, string Amiss)> LookAsync(CancellationToken cancellationToken) => SoundCheck.LookAsync(this, cancellationToken);

    /// <summary>An action of the command line, as a process of its own on the network of the hosts.</summary>
    public ProgramCommand CommandLine(params string[] arguments)
    {
        var environment = AgentEnvironment(Paths.Root);

        // A process that has only just begun, beside many others, may need seconds for its first call.
        environment.TryAdd("PGCLUSTER_FAILOVER_HEALTH_CHECK_TIMEOUT", "8s");
        return new ProgramCommand(_agent.Program, [.. _agent.First, "--config-file", ConfigFile, .. arguments]) { Environment = environment };
    }

    public override async ValueTask DisposeAsync()
    {
        if (Client is not null)
        {
            await Client.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    protected override async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var home = new BaseDirectory(null, TimeProvider.System);
        home.Prepare();
        _state = new PlaygroundState
        {
            Id = Network.Name,
            Name = Network.Name,
            BootId = BootId.Current,
            UserId = Account.UserId,
            CreatedAt = TimeProvider.System.GetUtcNow(),
            Synchronous = true,
            Servers = [.. DatabaseHosts.Select(host => new PlaygroundState.Server(host.Name, 5432, 7432, 8432) { Host = host.Address })],
            Etcd = Etcd,
            Poolers =
            [
                .. DatabaseHosts.Select(host => new PlaygroundState.Pooler(host.Name, host.Name, RoutePort, 7432) { Host = host.Address }),
                new PlaygroundState.Pooler("app", "", RoutePort, 7432) { Host = Application.Address },
            ],
        };
        _agent = await AgentProgram.PrepareAsync(
            Options.Agent ?? AgentProgram.FindBesideThis(), Account, Paths.Of("agent"), TimeProvider.System, cancellationToken);
        await MakeServersAsync(home, cancellationToken);
        WriteConfiguration();
        AddUnits();
        Client = ClusterConnection.Open(ConfigFile, Options.Settings);
    }

    private async Task MakeServersAsync(BaseDirectory home, CancellationToken cancellationToken)
    {
        var template = new ServerTemplate(home, Programs, TimeProvider.System);
        var source = await template.GetAsync(null, cancellationToken);
        foreach (var server in _state.Servers)
        {
            var data = Paths.Data(server.Name);
            await template.CopyAsync(source, data, cancellationToken);
            Write(Path.Combine(data, "postgresql.conf"), PlaygroundFiles.PostgresConf(_state, Paths, server));
            await File.AppendAllTextAsync(
                Path.Combine(data, "pg_hba.conf"), $"host all all {HostNetwork.Network} trust\nhost replication all {HostNetwork.Network} trust\n", cancellationToken);
            if (server != _state.Servers[0])
            {
                await using var standby = new LocalPostgresServer(
                    new LocalPostgresOptions
                    {
                        NodeName = server.Name,
                        Host = server.Host,
                        Port = server.Port,
                        DataDirectory = data,
                        BinDirectory = Programs.PostgresBin,
                        LogFile = Log("postgres-" + server.Name),
                        ReplicationUser = PlaygroundFiles.ReplicationUser,
                    },
                    TimeProvider.System, NullLogger<LocalPostgresServer>.Instance);
                await standby.PrepareStandbyAsync(new UpstreamAddress(_state.Servers[0].Name, _state.Servers[0].Host, _state.Servers[0].Port), cancellationToken);
            }
        }
    }

    private void WriteConfiguration()
    {
        using var certificates = new TestCertificates([.. Network.Hosts.Select(host => IPAddress.Parse(host.Address))]);
        var tls = new TlsConfig
        {
            CaFile = Copy(certificates.Server.CaFile),
            CertFile = Copy(certificates.Server.CertFile!),
            KeyFile = Copy(certificates.Server.KeyFile!),
        };
        var config = PlaygroundFiles.Cluster(_state, Paths, Programs);
        var leaderTtl = PlaygroundFiles.With(Options.Settings, config).Leader.Ttl;
        config = config with { Tls = tls, Nodes = [.. config.Nodes.Select(node => node with { LogFile = Log("postgres-" + node.Name) })] };
        Write(ConfigFile, ConfigRenderer.Render(config, comments: true));
        Write(Paths.UserList, PlaygroundFiles.UserList());
        foreach (var pooler in _state.Poolers)
        {
            // The file with its process id goes with the power, as one in /run does.
            var template = PlaygroundFiles.PoolerTemplate(Paths, pooler, leaderTtl)
                .Replace(Paths.PoolerPidFile(pooler.Name), Path.Combine(Paths.Sockets, "pgbouncer.pid"), StringComparison.Ordinal);
            Write(Paths.PoolerTemplate(pooler.Name), template);
            Write(Paths.PoolerConfig(pooler.Name), PlaygroundFiles.Render(template, _state.Servers[0]));
        }

        string Copy(string file)
        {
            var copy = Paths.Of(Path.GetFileName(file));
            Write(copy, File.ReadAllText(file));
            return copy;
        }
    }

    private void AddUnits()
    {
        foreach (var (pooler, host) in _state.Poolers.Zip(DatabaseHosts.Append(Application)))
        {
            var environment = AgentEnvironment(host.Disk);
            Add("pgbouncer-" + pooler.Name, host, Programs.PgBouncer, [Paths.PoolerConfig(pooler.Name)], environment);
            if (pooler.Node.Length > 0)
            {
                Add("agent-" + pooler.Node, host, _agent.Program, [.. _agent.First, "supervise", "--config-file", ConfigFile, "--node", pooler.Node], environment, Niceness);
            }

            Add("proxy-" + pooler.Name, host, _agent.Program, [.. _agent.First, "proxy", "--config-file", ConfigFile, "--pooler", pooler.Name], environment, Niceness);
        }
    }

    private Dictionary<string, string?> AgentEnvironment(string home)
    {
        var environment = PlaygroundRun.CleanEnvironment(home);
        foreach (var (option, value) in Options.Settings)
        {
            environment["PGCLUSTER_" + option.Replace('.', '_').ToUpperInvariant()] = value;
        }

        return environment;
    }
}
