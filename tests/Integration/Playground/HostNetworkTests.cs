using PgCluster.Adapters.Process;
using PgCluster.Playground.Hosts;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Playground;

/// <summary>Hosts made of namespaces: what they share and what not, how they are cut off, frozen and switched off, and that nothing of them stays.</summary>
public sealed class HostNetworkTests : IAsyncLifetime
{
    private readonly string _base = Directory.CreateTempSubdirectory("pgc-hosts-").FullName;
    private HostNetwork? _network;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private HostNetwork Network => _network!;

    public async ValueTask InitializeAsync()
    {
        if (OsAccount.IsRoot && OperatingSystem.IsLinux())
        {
            // Other users have a disk there.
            File.SetUnixFileMode(_base, File.GetUnixFileMode(_base) | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            _network = await HostNetwork.CreateAsync(new HostNetworkOptions { BaseDirectory = _base }, TimeProvider.System, Token);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_network is not null)
        {
            await _network.RemoveAsync(CancellationToken.None);
        }

        Directory.Delete(_base, recursive: true);
    }

    [Fact]
    public async Task Only_root_may_make_them()
    {
        Assert.SkipWhen(OsAccount.IsRoot, "this is root");
        var error = await Assert.ThrowsAsync<PgClusterException>(() => HostNetwork.CreateAsync(new HostNetworkOptions { BaseDirectory = _base }, TimeProvider.System, Token));
        Assert.Equal(Reason.AccessDenied, error.Reason);
    }

    [Fact]
    public async Task A_host_has_a_name_processes_memory_and_mounts_of_its_own()
    {
        SkipUnlessRoot();
        var mine = Directory.CreateDirectory(Path.Combine(_base, "mine")).FullName;
        var one = await Network.AddAsync(new HostOptions("one") { PrivateDirectories = [mine] }, Token);
        var two = await Network.AddAsync(new HostOptions("two") { PrivateDirectories = [mine] }, Token);
        Assert.Equal("one two", $"{await ShellAsync(one, "cat /proc/sys/kernel/hostname")} {await ShellAsync(two, "cat /proc/sys/kernel/hostname")}");

        await ShellAsync(one, "for d in /run /dev/shm \"$1\"; do echo secret >$d/own; done", mine);
        Assert.Equal("none", await ShellAsync(two, "cat /run/own /dev/shm/own \"$1\"/own 2>/dev/null || echo none", mine));
        Assert.False(File.Exists("/run/own") || File.Exists("/dev/shm/own") || File.Exists(Path.Combine(mine, "own")));

        var sleeper = await one.StartAsync(new ProgramCommand("sleep", ["1000"]), Log(one), Token);
        Assert.Contains(sleeper, one.Processes);
        Assert.DoesNotContain(sleeper, two.Processes);
        Assert.Equal("1", await ShellAsync(one, "ps -o ppid= -C sleep | sort -u | tr -d ' '"));
        Assert.Equal("lo eth0", await ShellAsync(one, "ls /proc/sys/net/ipv4/conf | grep -v -e all -e default | sort -r | xargs"));
        Assert.Equal("", await ShellAsync(one, "ip route show default"));
    }

    [Fact]
    public async Task Who_loses_his_parent_is_reaped_and_who_ends_at_once_is_an_error()
    {
        SkipUnlessRoot();
        var host = await Network.AddAsync(new HostOptions("one"), Token);
        await host.StartAsync(new ProgramCommand("/bin/sh", ["-c", "sleep 0.1 & sleep 0.2 & exec sleep 1000"]), Log(host), Token);
        var parent = await host.StartAsync(new ProgramCommand("/bin/sh", ["-c", "(echo begun; sleep 0.2; echo over) & sleep 1000"]), Log(host), Token);
        await Poll.UntilAsync("the child runs", () => File.ReadAllText(Log(host)).Contains("begun", StringComparison.Ordinal));
        parent.Signal(UnixSignal.Kill);
        await Poll.UntilAsync("the orphan has ended", () => File.ReadAllText(Log(host)).Contains("over", StringComparison.Ordinal));
        await Poll.UntilAsync("no orphan is a zombie", async () => await ShellAsync(host, "ps -e -o ppid=,stat= | awk '$1 == 1 && $2 ~ /Z/' | wc -l") == "0");

        var error = await Assert.ThrowsAsync<PgClusterException>(async () =>
        {
            var dead = await host.StartAsync(new ProgramCommand("/no/such/program", []), Log(host), Token);
            await Poll.UntilAsync("it has ended", () => !dead.IsRunning);
            throw new PgClusterException(Reason.PlaygroundFailed, LogTail.Read(Log(host)));
        });
        Assert.Contains("/no/such/program", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_holds_in_the_direction_it_was_made_for_until_it_is_healed()
    {
        SkipUnlessRoot();
        var (one, two, three) = (
            await Network.AddAsync(new HostOptions("one"), Token), await Network.AddAsync(new HostOptions("two"), Token), await Network.AddAsync(new HostOptions("three"), Token));
        await AssertHeardAsync([(one, two), (two, one), (one, three), (three, two)], []);

        await Network.CutOneWayAsync(one, two);
        await AssertHeardAsync([(two, one), (one, three), (three, two)], [(one, two)]);
        await Network.CutAsync(one, two);
        await AssertHeardAsync([(one, three), (three, two)], [(one, two), (two, one)]);

        // A host that comes up again finds the network as it is.
        await one.PowerOffAsync(Token);
        await one.PowerOnAsync(Token);
        await AssertHeardAsync([(one, three)], [(one, two), (two, one)]);

        await Network.HealAsync();
        await two.UnplugAsync();
        await AssertHeardAsync([(one, three), (three, one)], [(one, two), (two, three)]);
        await Network.HealAsync();
        await AssertHeardAsync([(one, two), (two, one), (two, three)], []);
    }

    [Fact]
    public async Task A_frozen_host_does_nothing_until_it_is_thawed()
    {
        SkipUnlessRoot();
        var host = await Network.AddAsync(new HostOptions("one"), Token);
        var other = await Network.AddAsync(new HostOptions("two"), Token);
        var ticks = Path.Combine(host.Disk, "ticks");
        var ticker = await host.StartAsync(new ProgramCommand("/bin/sh", ["-c", "while :; do echo >>\"$1\"; sleep 0.01; done", "ticker", ticks]), Log(host), Token);
        await other.StartAsync(new ProgramCommand("sleep", ["1000"]), Log(other), Token);
        await Poll.UntilAsync("it ticks", () => Ticks(ticker) > 3);

        await host.FreezeAsync(Token);
        Assert.All(host.Processes, process => Assert.Equal('T', ProcessStat.Read(process.Pid)!.State));
        Assert.NotEmpty(host.Processes);
        Assert.All(other.Processes, process => Assert.NotEqual('T', ProcessStat.Read(process.Pid)!.State));
        var before = Ticks(ticker);
        await Task.Delay(100, Token);
        Assert.Equal(before, Ticks(ticker));

        host.Thaw();
        await Poll.UntilAsync("it ticks again", () => Ticks(ticker) > before + 3);

        // The disk is not mounted where the test runs.
        long Ticks(ProcessIdentity inside) => File.Exists($"/proc/{inside.Pid}/root{ticks}") ? new FileInfo($"/proc/{inside.Pid}/root{ticks}").Length : 0;
    }

    [Fact]
    public async Task A_power_cut_leaves_the_disk_and_nothing_else()
    {
        SkipUnlessRoot();
        var host = await Network.AddAsync(new HostOptions("one") { DiskOwner = OsAccount.Find("nobody") }, Token);
        var other = await Network.AddAsync(new HostOptions("two"), Token);
        var sleeper = await host.StartAsync(new ProgramCommand("sleep", ["1000"]), Log(host), Token);
        var written = Path.Combine(host.Disk, "written");
        await host.RunAsync(new ProgramCommand("/bin/sh", ["-c", "echo kept >\"$1\"", "sh", written]) { Account = OsAccount.Find("nobody") }, Token);
        await ShellAsync(host, "echo lost >/run/lost");

        await host.PowerOffAsync(Token);
        Assert.False(host.IsOn);
        Assert.False(sleeper.IsRunning);
        Assert.Empty(host.Processes);
        await Assert.ThrowsAsync<PgClusterException>(() => ShellAsync(host, "true"));

        await host.PowerOnAsync(Token);
        Assert.Equal("kept no", await ShellAsync(host, "echo $(cat \"$1\") $(test -e /run/lost && echo yes || echo no)", written));
        await AssertHeardAsync([(host, other), (other, host)], []);
    }

    [Fact]
    public async Task A_full_disk_is_full()
    {
        SkipUnlessRoot();
        var host = await Network.AddAsync(new HostOptions("one") { DiskMegabytes = 16 }, Token);
        var error = await Assert.ThrowsAsync<PgClusterException>(() => ShellAsync(host, "head -c 20000000 /dev/zero >\"$1\"/filler", host.Disk));
        Assert.Contains("space", error.Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Another_of_the_same_name_begins_with_an_empty_disk()
    {
        SkipUnlessRoot();
        var first = await Network.AddAsync(new HostOptions("one"), Token);
        var two = await Network.AddAsync(new HostOptions("two"), Token);
        await ShellAsync(first, "echo old >\"$1\"/old", first.Disk);
        await Network.CutAsync(first, two);
        await Network.DiscardAsync(first, Token);
        Assert.False(Directory.Exists(first.Disk));

        var second = await Network.AddAsync(new HostOptions("one"), Token);
        Assert.Equal(first.Address, second.Address);
        Assert.Equal("", await ShellAsync(second, "ls \"$1\"", second.Disk));
        await Network.HealAsync();
        await AssertHeardAsync([(second, two), (two, second)], []);
    }

    [Fact]
    public async Task A_set_whose_maker_is_gone_is_taken_away_by_the_next_and_a_living_one_is_not()
    {
        SkipUnlessRoot();
        var abandoned = await HostNetwork.CreateAsync(new HostNetworkOptions { BaseDirectory = _base }, TimeProvider.System, Token);
        var host = await abandoned.AddAsync(new HostOptions("one"), Token);
        var left = await host.StartAsync(new ProgramCommand("sleep", ["1000"]), Log(host), Token);
        var kept = await HostNetwork.CreateAsync(new HostNetworkOptions { BaseDirectory = _base, OutlivesMaker = true }, TimeProvider.System, Token);
        await host.FreezeAsync(Token);
        var owner = HostNetworkState.HostProcess.Of("owner", new ProcessIdentity(Environment.ProcessId, 1));
        foreach (var set in new[] { abandoned, kept })
        {
            var state = HostNetworkState.TryRead(set.Root)!;
            (state.Owner is null ? state : state with { Owner = owner }).Save(set.Root);
        }

        Assert.Equal([abandoned.Name], await HostNetwork.RemoveAbandonedAsync(new HostNetworkOptions { BaseDirectory = _base }, TimeProvider.System, Token));
        AssertGone(abandoned);
        Assert.False(left.IsRunning);
        Assert.True(kept.Hub.IsRunning);
        Assert.True(Network.Hub.IsRunning);
        await kept.RemoveAsync(Token);
        AssertGone(kept);
    }

    [Fact]
    public async Task Nothing_of_a_set_is_seen_outside_or_stays()
    {
        SkipUnlessRoot();
        var set = await HostNetwork.CreateAsync(new HostNetworkOptions { BaseDirectory = _base }, TimeProvider.System, Token);
        var host = await set.AddAsync(new HostOptions("one"), Token);
        await host.StartAsync(new ProgramCommand("sleep", ["1000"]), Log(host), Token);
        Assert.DoesNotContain(set.Root, File.ReadAllText("/proc/self/mounts"), StringComparison.Ordinal);
        Assert.DoesNotContain("198.18.0.", File.ReadAllText("/proc/net/fib_trie"), StringComparison.Ordinal);
        Assert.Equal(set.Root, HostNetwork.Open(set.Root, TimeProvider.System).Root);
        await set.RemoveAsync(Token);
        AssertGone(set);
        Assert.Equal(Reason.PlaygroundNotFound, Assert.Throws<PgClusterException>(() => HostNetwork.Open(set.Root, TimeProvider.System)).Reason);
    }

    private static void SkipUnlessRoot() => Assert.SkipUnless(OsAccount.IsRoot, "namespaces and network interfaces are made by root only");

    private static void AssertGone(HostNetwork set)
    {
        Assert.False(Directory.Exists(set.Root));
        Assert.False(set.Hub.IsRunning);
        var marker = set.Environment.Single();
        Assert.DoesNotContain(ProcessStat.AllPids(), pid => ProcessStat.HasEnvironment(pid, marker.Key, marker.Value!));
    }

    private string Log(NamespaceHost host) => Path.Combine(_base, host.Name + ".out");

    private static async Task<string> ShellAsync(NamespaceHost host, string script, params string[] arguments) =>
        (await host.RunAsync(new ProgramCommand("/bin/sh", ["-ec", script, "sh", .. arguments]), Token)).Trim();

    /// <summary>Who hears whom: each host listens for datagrams while each of these pairs sends several.</summary>
    private async Task AssertHeardAsync((NamespaceHost From, NamespaceHost To)[] heard, (NamespaceHost From, NamespaceHost To)[] lost)
    {
        var round = Guid.NewGuid().ToString("N")[..6];
        foreach (var host in heard.Concat(lost).Select(pair => pair.To).Distinct())
        {
            await host.StartAsync(
                new ProgramCommand("perl", [
                    "-MIO::Socket::INET", "-e",
                    "$| = 1; $s = IO::Socket::INET->new(LocalPort => 9, Proto => 'udp', ReuseAddr => 1) or die; print \"up $ARGV[0]\\n\"; while ($s->recv($m, 100)) { print \"$m\\n\"; exit if $m eq 'end' }",
                    round]),
                Log(host), Token);
            await Poll.UntilAsync("it listens", () => File.ReadAllText(Log(host)).Contains($"up {round}", StringComparison.Ordinal));
        }

        await Poll.UntilAsync("all that should be heard is", async () =>
        {
            // What is lost is sent first: when the rest has arrived it would have, too.
            foreach (var (from, to) in lost.Concat(heard))
            {
                await SayAsync(from, to, $"{round} {from.Name}");
            }

            return heard.All(pair => Heard(pair.From, pair.To));
        });
        Assert.All(lost, pair => Assert.False(Heard(pair.From, pair.To), $"{pair.To.Name} hears {pair.From.Name}"));
        foreach (var host in heard.Concat(lost).Select(pair => pair.To).Distinct())
        {
            await SayAsync(host, host, "end");
        }

        bool Heard(NamespaceHost from, NamespaceHost to) => File.ReadAllText(Log(to)).Contains($"{round} {from.Name}\n", StringComparison.Ordinal);
    }

    private static Task<string> SayAsync(NamespaceHost from, NamespaceHost to, string what) => from.RunAsync(
        new ProgramCommand("perl", ["-MIO::Socket::INET", "-e", "IO::Socket::INET->new(PeerAddr => $ARGV[0], PeerPort => 9, Proto => 'udp')->send($ARGV[1])", to.Address, what]), Token);
}
