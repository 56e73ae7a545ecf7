using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using PgCluster;
using PgCluster.Adapters.Etcd.Wire;
using PgCluster.Adapters.Grpc;
using PgCluster.Adapters.Peers;
using PgCluster.Adapters.Toml;
using PgCluster.Bench;
using PgCluster.Bench.Observation;
using PgCluster.Client;
using PgCluster.Engine.Configuration;
using PgCluster.Playground;
using PgCluster.Protos.V1;

// How fast a cluster is seen: Get-PgClusterNode, the same with a dead host among twenty, Watch-PgPrimary, and one gRPC call; each beside a floor of the
// same run.
var arguments = BenchArguments.Parse(args, ("samples", 300, 10), ("calls", 3000, 10));
if (arguments is null)
{
    return 2;
}

using var stop = Interrupt.Source();
var token = stop.Token;
var manager = new PlaygroundManager();
var options = new PlaygroundOptions { Name = $"bench{Environment.ProcessId}" };
try
{
    BenchOutput.Progress("making a playground");
    var playground = await manager.CreateAsync(options, null, token);
    using var raw = new RawHttp2();

    BenchOutput.Progress("Get-PgClusterNode on three nodes");
    var (nodes, nodesFloor) = await NodesAsync(playground, raw);
    BenchOutput.Progress("Watch-PgPrimary");
    var (watch, watchFloor) = await WatchAsync(playground, raw);
    await using var agents = await FakeAgents.StartAsync(19, token);
    BenchOutput.Progress("gRPC beside HTTP/2");
    var (call, callFloor) = await CallsAsync(agents.Addresses[0], raw);
    BenchOutput.Progress("one dead host among twenty");
    var (dead, alive, timeout) = await DeadHostAsync(agents, playground);

    if (arguments.Json)
    {
        BenchOutput.Object(new
        {
            bench = "observation",
            machine = BenchOutput.Machine(),
            nodes = new { ours = nodes.ToJson(), floor = nodesFloor.ToJson(), ratio = Ratio(nodes, nodesFloor), allowed_ms = 50 },
            dead_host = new { with_dead_host = dead.ToJson(), without = alive.ToJson(), timeout_ms = timeout.TotalMilliseconds },
            watch = new { ours = watch.ToJson(), floor = watchFloor.ToJson(), ratio = Ratio(watch, watchFloor), allowed_ms = 50 },
            unary = new { ours = call.ToJson(), floor = callFloor.ToJson(), ratio = Ratio(call, callFloor) },
        });
    }
    else
    {
        Console.Out.WriteLine("Get-PgClusterNode, three nodes, warm (median at most 50 ms)\n");
        BenchOutput.Table(nodes, nodesFloor);
        Console.Out.WriteLine(FormattableString.Invariant($"ratio of the medians: {Ratio(nodes, nodesFloor):0.00}\n"));
        Console.Out.WriteLine(FormattableString.Invariant($"Get-PgClusterNode, twenty nodes, one accepts connections and never answers (timeout {timeout.TotalMilliseconds:0} ms)\n"));
        BenchOutput.Table(dead, alive);
        Console.Out.WriteLine("Watch-PgPrimary, from the write's start to the emission (median at most 50 ms)\n");
        BenchOutput.Table(watch, watchFloor);
        Console.Out.WriteLine(FormattableString.Invariant($"ratio of the medians: {Ratio(watch, watchFloor):0.00}\n"));
        Console.Out.WriteLine("One gRPC call with half a kilobyte of answer, client and server in one process\n");
        BenchOutput.Table(call, callFloor);
        Console.Out.WriteLine(FormattableString.Invariant($"ratio of the medians: {Ratio(call, callFloor):0.00}"));
    }

    return 0;
}
catch (OperationCanceledException) when (token.IsCancellationRequested)
{
    return 130;
}
finally
{
    try
    {
        await manager.RemoveAsync(options.Name, null, CancellationToken.None);
    }
    catch (PgClusterException e) when (e.Reason == Reason.PlaygroundNotFound)
    {
        // It was not made.
    }
}

static double Ratio(Samples ours, Samples floor) => Samples.Round(ours.Median / floor.Median);

// Two things by turns, the first tenth thrown away: a warm path is what is asked for.
async Task<(Samples Ours, Samples Floor)> ByTurnsAsync(int count, string unit, Func<Task> ours, string oursName, Func<Task> floor, string floorName)
{
    var scale = unit == "us" ? 1000 : 1;
    List<double> oursMs = [];
    List<double> floorMs = [];
    for (var i = -count / 10; i < count; i++)
    {
        foreach (var isOurs in i % 2 == 0 ? [false, true] : new[] { true, false })
        {
            var began = Stopwatch.GetTimestamp();
            await (isOurs ? ours() : floor());
            var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds * scale;
            if (i >= 0)
            {
                (isOurs ? oursMs : floorMs).Add(took);
            }
        }
    }

    return (new Samples(oursName, unit, oursMs), new Samples(floorName, unit, floorMs));
}

async Task<(Samples Ours, Samples Floor)> NodesAsync(PlaygroundInfo playground, RawHttp2 raw)
{
    await using var cluster = ClusterConnection.Open(playground.ConfigFile);
    var frame = RawHttp2.Frame(new GetStatusRequest());
    var agents = playground.Servers.Select(s => new Uri($"http://{s.Agent}{PeerMethods.GetStatus.Path}")).ToArray();
    return await ByTurnsAsync(
        arguments["samples"], "ms",
        async () =>
        {
            if ((await cluster.GetNodesAsync(token)).Any(n => n.State != NodeState.Running))
            {
                throw new InvalidOperationException("a node does not run");
            }
        },
        "ours: GetNodesAsync",
        () => Task.WhenAll(agents.Select(a => raw.AskAsync(a, frame, token))), "floor: three raw requests at once");
}

async Task<(Samples Ours, Samples Floor)> CallsAsync(Uri address, RawHttp2 raw)
{
    using var channel = new GrpcChannel(address, new GrpcChannelOptions());
    var frame = RawHttp2.Frame(new GetStatusRequest());
    var floor = new Uri(address, "/floor");
    return await ByTurnsAsync(
        arguments["calls"], "us",
        () => channel.UnaryAsync(PeerMethods.GetStatus, new GetStatusRequest(), GrpcCallOptions.None, token), "ours: unary call",
        () => raw.AskAsync(floor, frame, token), "floor: raw request");
}

async Task<(Samples Dead, Samples Alive, TimeSpan Timeout)> DeadHostAsync(FakeAgents agents, PlaygroundInfo playground)
{
    // It listens, so that connecting succeeds, and nobody ever accepts: a host that hangs. One that refuses would be known at once.
    using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
    silent.Listen(16);
    var living = agents.Addresses.Select((a, i) => Node($"pg{i + 1:00}", a.Port)).ToArray();
    var dead = Node("pg20", ((IPEndPoint)silent.LocalEndPoint!).Port);
    var withDead = Config(playground, "dead", [.. living, dead]);
    var without = Config(playground, "alive", living);
    await using var cluster = Open(withDead);
    await using var healthy = Open(without);
    var (slow, fast) = await ByTurnsAsync(
        10, "ms",
        async () =>
        {
            var rows = await cluster.GetNodesAsync(token);
            if (rows.Count(r => r.State == NodeState.Running) != 19 || rows.Single(r => r.Name == "pg20").State != NodeState.Unreachable)
            {
                throw new InvalidOperationException("not nineteen nodes that run and one that does not answer");
            }
        },
        "twenty nodes, one dead", () => healthy.GetNodesAsync(token), "nineteen nodes");
    return (slow, fast, withDead.Failover.HealthCheckTimeout);
}

async Task<(Samples Ours, Samples Floor)> WatchAsync(PlaygroundInfo playground, RawHttp2 raw)
{
    // A namespace of its own: in the cluster's, the agents would repair what is written here.
    var config = Config(playground, "watch", [Node("pg01", 1)]);
    var key = ByteString.CopyFromUtf8(config.Etcd.Namespace + config.Etcd.PrimaryKey);
    var etcd = new Uri(playground.EtcdEndpoints[0]);
    using var channel = new GrpcChannel(etcd, new GrpcChannelOptions());
    await using var cluster = Open(config);
    var count = arguments["samples"];
    var warm = count / 10;
    var seenByUs = new TaskCompletionSource<long>[count + warm];
    var seenRaw = new TaskCompletionSource<long>[count + warm];
    for (var i = 0; i < seenRaw.Length; i++)
    {
        seenByUs[i] = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        seenRaw[i] = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    using var over = CancellationTokenSource.CreateLinkedTokenSource(token);
    var ready = new TaskCompletionSource();
    var readyRaw = new TaskCompletionSource();
    var watching = Task.Run(async () =>
    {
        await foreach (var change in cluster.WatchPrimaryAsync(null, over.Token))
        {
            if (change.Kind == PrimaryChangeKind.Current)
            {
                ready.SetResult();
            }
            else
            {
                seenByUs[change.Port - 1].SetResult(Stopwatch.GetTimestamp());
            }
        }
    }, CancellationToken.None);
    var create = RawHttp2.Frame(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = key } });
    var rawWatching = raw.StreamAsync(
        new Uri(etcd, "/etcdserverpb.Watch/Watch"), create,
        message =>
        {
            var now = Stopwatch.GetTimestamp();
            var response = WatchResponse.Parser.ParseFrom(message.Span);
            if (response.Created)
            {
                readyRaw.SetResult();
            }

            foreach (var change in response.Events)
            {
                seenRaw[int.Parse(change.Kv.Value.ToStringUtf8().Split(':')[1], System.Globalization.CultureInfo.InvariantCulture) - 1].SetResult(now);
            }
        },
        over.Token);
    await Task.WhenAll(ready.Task, readyRaw.Task).WaitAsync(TimeSpan.FromSeconds(10), token);

    var put = new GrpcMethod<TxnRequest, TxnResponse>("etcdserverpb.KV", "Txn");
    List<double> ours = [];
    List<double> floor = [];
    for (var i = 0; i < seenRaw.Length; i++)
    {
        var write = new TxnRequest { Success = { new RequestOp { RequestPut = new PutRequest { Key = key, Value = ByteString.CopyFromUtf8($"127.0.0.1:{i + 1}") } } } };
        var sent = Stopwatch.GetTimestamp();
        await channel.UnaryAsync(put, write, GrpcCallOptions.None, token);
        var byUs = await seenByUs[i].Task.WaitAsync(TimeSpan.FromSeconds(10), token);
        var byRaw = await seenRaw[i].Task.WaitAsync(TimeSpan.FromSeconds(10), token);
        if (i >= warm)
        {
            ours.Add(Stopwatch.GetElapsedTime(sent, byUs).TotalMilliseconds);
            floor.Add(Stopwatch.GetElapsedTime(sent, byRaw).TotalMilliseconds);
        }
    }

    await over.CancelAsync();
    await watching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    await rawWatching.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    return (new Samples("ours: WatchPrimaryAsync", "ms", ours), new Samples("floor: raw etcd watch", "ms", floor));
}

static NodeConfig Node(string name, int agentPort) => new()
{
    Name = name, Host = "127.0.0.1", Agent = new HostPort("127.0.0.1", agentPort), Http = new HostPort("127.0.0.1", agentPort),
};

static ClusterConfig Config(PlaygroundInfo playground, string name, IReadOnlyList<NodeConfig> nodes) => new()
{
    Name = name,
    Etcd = new EtcdConfig { Endpoints = [.. playground.EtcdEndpoints], Namespace = EtcdConfig.DefaultNamespace($"bench-{name}") },
    Nodes = [.. nodes],
};

static ClusterConnection Open(ClusterConfig config)
{
    var file = Path.GetTempFileName();
    File.WriteAllText(file, ConfigRenderer.Render(config, comments: false));
    try
    {
        return ClusterConnection.Open(file);
    }
    finally
    {
        File.Delete(file);
    }
}
