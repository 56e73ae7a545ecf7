namespace PgCluster.Tests.Integration.Handoff;

/// <summary>
/// kill -9 of either process at every step of a handoff: tableroll's cases TR-16 and TR-17, and all between. One of the two is held at a step, one is
/// killed, and what is left goes on. There is one owner or none, never two, and the next start is served.
/// </summary>
public sealed class KilledTests : IAsyncDisposable
{
    private const string Old = "old";
    private const string New = "new";

    private readonly HandoffFolder _folder = new();

    /// <summary>Who is held at which step, who is killed there, and who is the owner after it.</summary>
    public static TheoryData<string, string, string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string, string, string>();
            foreach (var step in new[] { "Requested", "WelcomeSent", "StateOffered", "DescriptorSent", "DescriptorsSent", "ReadyReceived", "FinalStateOffered" })
            {
                cases.Add(Old, step, Old, "nobody");
                cases.Add(Old, step, New, step == "FinalStateOffered" ? "nobody" : Old);
            }

            // It has decided: whoever misses its word is not the owner, and it is none any more.
            cases.Add(Old, "SteppedDown", Old, "nobody");
            cases.Add(Old, "SteppedDown", New, "nobody");
            cases.Add(Old, "StepDownSaid", Old, New);
            cases.Add(Old, "StepDownSaid", New, "nobody");
            foreach (var step in new[] { "LockTaken", "SocketBound", "HelloSent", "Welcomed", "StateAccepted", "DescriptorsReceived", "ReadySent" })
            {
                cases.Add(New, step, New, Old);
                cases.Add(New, step, Old, step is "LockTaken" or "SocketBound" ? New : "nobody");
            }

            // From its last word on only the old one knows whether it was heard.
            cases.Add(New, "FinalStateAccepted", New, "nobody");
            cases.Add(New, "FinalStateAccepted", Old, New);
            foreach (var step in new[] { "OwnerSteppedDown", "OwnerRecorded", "BecameOwner" })
            {
                cases.Add(New, step, New, "nobody");
                cases.Add(New, step, Old, New);
            }

            return cases;
        }
    }

    public ValueTask DisposeAsync() => _folder.DisposeAsync();

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Whoever_is_killed_at_whatever_step_leaves_one_owner_or_none(string held, string step, string killed, string owner)
    {
        string[] arguments = ["--state-version", "1", "--state", "leases", "--echo", "one=127.0.0.1:0", "--echo", $"two={_folder.PathOf("api")}"];
        var old = await _folder.OwnerAsync(Old, [.. arguments, .. HoldOf(Old)]);
        var api = await old.EndPointAsync("two");
        var successor = _folder.Daemon(New, [.. arguments, "--ready", .. HoldOf(New)]);
        var (holder, victim, other) = (held == Old ? old : successor, killed == Old ? old : successor, killed == Old ? successor : old);
        await holder.SaysAsync("held");

        await WaitForTheOtherAsync(old, successor, held, step);
        await victim.KillAsync();
        if (!ReferenceEquals(holder, victim))
        {
            holder.Tell("continue");
        }

        // Whether it has stepped down or has failed, a survivor that is not the owner ends by itself; one that is, when it was followed.
        Assert.Equal(owner, await OwnerAmongAsync(other, killed == Old ? New : Old, step));
        if (owner == "nobody")
        {
            Assert.Equal(killed == Old ? 3 : 0, await other.ExitAsync());
        }

        var next = await _folder.OwnerAsync("next", arguments);
        if (owner != "nobody")
        {
            Assert.Equal(0, await other.ExitAsync());
        }

        Assert.Equal("next hello", await EchoClient.AskAsync(api, "hello"));
        Assert.Equal("Owner", await next.StateAsync());
        Assert.Equal("next", _folder.Owner);

        string[] HoldOf(string id) => id == held ? ["--hold", step] : [];
    }

    [Fact]
    public async Task TR_16_an_owner_killed_while_it_passes_descriptors_fails_the_successor_and_the_next_one_binds()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "one=127.0.0.1:0", "--echo", "two=127.0.0.1:0", "--hold", "DescriptorSent");
        var second = _folder.Daemon("b", "--echo", "one=127.0.0.1:0", "--echo", "two=127.0.0.1:0");
        await first.SaysAsync("held");
        await second.SaysAsync("step StateAccepted");

        await first.KillAsync();

        Assert.StartsWith("OwnerLost", await second.SaysAsync("failed"), StringComparison.Ordinal);
        Assert.Equal(3, await second.ExitAsync());
        var third = await _folder.OwnerAsync("c", "--echo", "one=127.0.0.1:0", "--echo", "two=127.0.0.1:0");
        Assert.Equal("nobody - -", await third.SaysAsync("started"));
        Assert.Equal("c hello", await EchoClient.AskAsync(await third.EndPointAsync("two"), "hello"));
    }

    [Fact]
    public async Task TR_17_a_successor_killed_with_the_descriptors_leaves_the_owner_and_frees_the_lock()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0");
        var api = await first.EndPointAsync("api");
        var second = _folder.Daemon("b", "--echo", "api=127.0.0.1:0");
        await second.SaysAsync("serving");

        await second.KillAsync();

        await first.SaysAsync("step TransferFailed");
        Assert.Equal("Owner", await first.StateAsync());
        Assert.Equal("a hello", await EchoClient.AskAsync(api, "hello"));
        await _folder.OwnerAsync("c", "--echo", "api=127.0.0.1:0");
        Assert.Equal(0, await first.ExitAsync());
        Assert.Equal("c hello", await EchoClient.AskAsync(api, "hello"));
    }

    [Fact]
    public async Task TR_17_one_that_comes_before_the_owner_has_noticed_waits_for_it()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0", "--hold", "DescriptorsSent");
        var second = _folder.Daemon("b", "--echo", "api=127.0.0.1:0");
        await first.SaysAsync("held");
        await second.KillAsync();
        var third = _folder.Daemon("c", "--echo", "api=127.0.0.1:0", "--ready");
        await third.SaysAsync("step OwnerBusy");

        first.Tell("continue");

        await third.SaysAsync("ready");
        Assert.Equal(0, await first.ExitAsync());
    }

    [Fact]
    public async Task The_address_is_free_for_the_next_one_when_the_successor_dies_while_the_old_one_drains()
    {
        var first = await _folder.OwnerAsync("a", "--echo", "api=127.0.0.1:0", "--http2", "web=127.0.0.1:0");
        var (api, web) = (await first.EndPointAsync("api"), await first.EndPointAsync("web"));
        await using var running = await EchoClient.ConnectAsync(api);
        await using var stream = await StreamClient.OpenAsync(web);
        Assert.Equal("a one", await running.AskAsync("one"));
        var second = await _folder.OwnerAsync("b", "--echo", "api=127.0.0.1:0", "--http2", "web=127.0.0.1:0");
        await first.SaysAsync("accept-ended");
        await first.SaysAsync("web-closed");
        await first.SaysAsync("let-go");

        await second.KillAsync();
        await _folder.OwnerAsync("c", "--echo", $"api={api}", "--http2", $"web={web}");

        Assert.Equal(("c two", "c"), (await EchoClient.AskAsync(api, "two"), await StreamClient.WhoAsync(web)));
        Assert.Equal(("a three", "a three"), (await running.AskAsync("three"), await stream.AskAsync("three")));
    }

    /// <summary>The one that is not held comes as far as it can, so that the kill hits the same moment every time.</summary>
    private static Task WaitForTheOtherAsync(DaemonProcess old, DaemonProcess successor, string held, string step) => (held, step) switch
    {
        (Old, "Requested") => successor.SaysAsync("step HelloSent"),
        (Old, "WelcomeSent") => successor.SaysAsync("step Welcomed"),
        (Old, "StateOffered" or "DescriptorSent") => successor.SaysAsync("step StateAccepted"),
        (Old, "DescriptorsSent" or "ReadyReceived") => successor.SaysAsync("step ReadySent"),
        (Old, "FinalStateOffered" or "SteppedDown") => successor.SaysAsync("step FinalStateAccepted"),
        (Old, "StepDownSaid") => successor.SaysAsync("ready"),
        (New, "Welcomed" or "StateAccepted") => old.SaysAsync("step WelcomeSent"),
        (New, "DescriptorsReceived") => old.SaysAsync("step DescriptorsSent"),
        (New, "ReadySent") => old.SaysAsync("captured Final"),
        (New, "FinalStateAccepted" or "OwnerSteppedDown" or "OwnerRecorded" or "BecameOwner") => old.SaysAsync("complete Draining"),
        _ => Task.CompletedTask,
    };

    /// <summary>Waits until the survivor knows what it is.</summary>
    private static async Task<string> OwnerAmongAsync(DaemonProcess survivor, string id, string step)
    {
        if (id == New)
        {
            await Fixtures.Poll.UntilAsync("the successor is ready or has failed", () => survivor.HasSaid("ready") || survivor.HasSaid("failed"));
            return survivor.HasSaid("ready") ? New : "nobody";
        }

        // One that was not asked yet knows of nothing.
        await Fixtures.Poll.UntilAsync(
            "the old one knows how it ended",
            () => step is "LockTaken" or "SocketBound" || survivor.HasSaid("step TransferFailed") || survivor.HasSaid("complete Draining"));
        return survivor.HasSaid("complete Draining") ? "nobody" : await survivor.StateAsync() == "Owner" ? Old : "undecided";
    }
}
