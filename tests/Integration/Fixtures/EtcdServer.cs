using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>How the members of an <see cref="EtcdServer"/> are started.</summary>
public sealed record EtcdServerOptions
{
    /// <summary>1 or 3.</summary>
    public int Members { get; init; } = 1;

    /// <summary>Certificates for clients and members; null for plain http.</summary>
    public TestCertificates? Certificates { get; init; }

    /// <summary>The loopback address to listen on, when a certificate names it; null for one of its own.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>Further arguments for each member.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];
}

/// <summary>
/// A real etcd of one or three members on loopback, with directories of its own (in memory where there is /dev/shm). The members die with the
/// test process, however that ends.
/// </summary>
public sealed class EtcdServer : IAsyncDisposable
{
    private readonly string _directory;

    private EtcdServer(string directory, EtcdServerOptions options, IReadOnlyList<EtcdMember> members)
    {
        _directory = directory;
        Options = options;
        Members = members;
    }

    /// <summary>How it was started.</summary>
    public EtcdServerOptions Options { get; }

    /// <summary>The members, in the order of their names.</summary>
    public IReadOnlyList<EtcdMember> Members { get; }

    /// <summary>Starts it and returns when it has a leader and answers.</summary>
    public static Task<EtcdServer> StartAsync(int members = 1) => StartAsync(new EtcdServerOptions { Members = members });

    /// <inheritdoc cref="StartAsync(int)"/>
    public static async Task<EtcdServer> StartAsync(EtcdServerOptions options)
    {
        var root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        var directory = Directory.CreateDirectory(Path.Combine(root, $"pgcluster-etcd-{Guid.NewGuid():N}")).FullName;

        // An address of its own in 127/8: its ports stay free while a member is down, for nobody else connects from or listens there.
        var address = options.Address ?? NewAddress();
        var ports = FreePorts(address, 3 * options.Members);
        var members = Enumerable.Range(0, options.Members)
            .Select(index => new EtcdMember(directory, $"m{index}", address, ports.AsSpan(3 * index, 3), options.Certificates))
            .ToList();
        var server = new EtcdServer(directory, options, members);
        try
        {
            await server.StartMembersAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>An address in 127/8 that nobody else is likely to use.</summary>
    public static IPAddress NewAddress() => new([127, .. Enumerable.Range(0, 3).Select(_ => (byte)Random.Shared.Next(1, 255))]);

    /// <summary>Starts every member that is down and waits until the whole answers.</summary>
    public async Task StartMembersAsync()
    {
        foreach (var member in Members)
        {
            member.Start(Members, Options.Arguments);
        }

        foreach (var member in Members)
        {
            await member.WaitUntilHealthyAsync();
        }
    }

    /// <summary>Options for a store with a namespace of its own.</summary>
    public EtcdOptions ClientOptions(string? ns = null) => new()
    {
        Endpoints = [.. Members.Select(member => member.ClientUrl)],
        Namespace = ns ?? $"/test-{Guid.NewGuid():N}",
        Tls = Options.Certificates?.Client,

        // Of three members the product's own timing is part of what is tested. A single one may be slow on a busy machine, and nothing is learnt from it.
        Timeout = TimeSpan.FromSeconds(Members.Count > 1 ? 3 : 15),
    };

    /// <summary>A store with a namespace of its own, or the one given.</summary>
    public EtcdStore Connect(string? ns = null, ILogger? logger = null) =>
        new(ClientOptions(ns), TimeProvider.System, logger ?? NullLogger.Instance);

    /// <summary>Runs etcdctl against all members and returns what it printed.</summary>
    public Task<string> ControlAsync(params string[] arguments) => StartControl(arguments).FinishAsync();

    /// <summary>Starts etcdctl against all members.</summary>
    public ControlProcess StartControl(params string[] arguments) => new(this, Members, user: null, arguments);

    /// <summary>Runs etcdctl as a user, given as name:password.</summary>
    public Task<string> ControlAsUserAsync(string user, params string[] arguments) => new ControlProcess(this, Members, user, arguments).FinishAsync();

    /// <summary>The member that leads, by its own word.</summary>
    public async Task<EtcdMember> FindLeaderAsync()
    {
        await using var store = Connect();
        EtcdMember? leader = null;
        await Poll.UntilAsync("a member leads", async () =>
        {
            var health = await store.GetHealthAsync(TestContext.Current.CancellationToken);
            leader = Members.FirstOrDefault(member => health.Endpoints.Any(
                endpoint => endpoint.IsLeader && endpoint.Endpoint == EtcdOptions.NameOf(member.ClientUrl)));
            return leader is not null;
        });
        return leader!;
    }

    /// <summary>Kills every member and starts it again on its data; returns when the whole answers.</summary>
    public async Task RestartAsync()
    {
        await Task.WhenAll(Members.Select(member => member.KillAsync()));
        await StartMembersAsync();
    }

    /// <summary>Compacts everything up to a revision.</summary>
    public Task CompactAsync(long revision) => ControlAsync("compact", revision.ToString(CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var member in Members)
        {
            await member.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private static int[] FreePorts(IPAddress address, int count)
    {
        // All at once: one after the other would give the same port twice.
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(address, 0)).ToList();
        try
        {
            listeners.ForEach(listener => listener.Start());
            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            listeners.ForEach(listener => listener.Dispose());
        }
    }
}
