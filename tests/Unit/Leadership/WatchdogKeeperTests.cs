using PgCluster.Adapters.Guard;

namespace PgCluster.Tests.Unit.Leadership;

/// <summary>A lease of ten seconds: killed after 9.5, and reset, where nobody was there to do so, at 10 and not before 9.5.</summary>
public sealed class WatchdogKeeperTests : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"pgcluster-watchdog-{Guid.NewGuid():n}");
    private readonly FakeWatchdog _device = new();
    private readonly StringWriter _log = new();
    private readonly GuardFile _file;
    private readonly WatchdogKeeper _keeper;

    public WatchdogKeeperTests()
    {
        _file = GuardFile.Open(_path);
        _file.WatchdogMargin = TimeSpan.FromSeconds(0.5);
        _file.WatchdogLimit = TimeSpan.FromSeconds(6);
        _file.WatchdogDevice = "/dev/watchdog";
        _keeper = new WatchdogKeeper(_device, _log);
    }

    public void Dispose()
    {
        _keeper.Dispose();
        _file.Dispose();
        File.Delete(_path);
    }

    [Fact]
    public void That_it_can_be_used_is_known_before_anybody_leads()
    {
        _keeper.Turn(_file, At(0));

        Assert.Equal(WatchdogState.Usable, _file.Watchdog);
        Assert.Equal(["open", "close"], _device.Calls);
    }

    [Fact]
    public void It_is_fed_only_as_long_as_a_reset_comes_before_somebody_else_may_lead()
    {
        _keeper.Turn(_file, At(0));
        _file.Deadline = At(9.5);
        _device.Calls.Clear();
        double? last = null;
        for (var at = 0.0; at < 9.5; at += 0.1)
        {
            _device.Calls.Clear();
            _keeper.Turn(_file, At(at));
            last = _device.Calls.Contains("feed") ? at : last;
        }

        Assert.InRange(last!.Value + 2, 9.5, 10);

        // Killed in time: nothing is left to reset.
        _file.Deadline = 0;
        _keeper.Turn(_file, At(9.6));
        Assert.Equal(["close"], _device.Calls);
    }

    [Fact]
    public void A_renewal_keeps_the_machine_running()
    {
        for (var at = 0.0; at < 60; at += 0.2)
        {
            _file.Deadline = At(at + 9.5);
            _device.Calls.Clear();
            _keeper.Turn(_file, At(at));
            Assert.Contains("feed", _device.Calls);
        }
    }

    [Fact]
    public void A_device_that_is_not_there_or_too_slow_is_said_and_not_tried_again()
    {
        _device.Timeout = TimeSpan.FromSeconds(7);
        _keeper.Turn(_file, At(0));
        Assert.Equal(WatchdogState.Unusable, _file.Watchdog);
        Assert.Contains("shortest timeout", _log.ToString(), StringComparison.Ordinal);
        Assert.Equal(["open", "close"], _device.Calls);

        _file.Deadline = At(9.5);
        _keeper.Turn(_file, At(1));
        Assert.Equal(["open", "close"], _device.Calls);
    }

    [Fact]
    public void Off_touches_nothing_and_turning_it_off_lets_go()
    {
        _file.Deadline = At(9.5);
        _keeper.Turn(_file, At(0));
        _file.WatchdogDevice = "";
        _keeper.Turn(_file, At(1));
        Assert.Equal("close", _device.Calls[^1]);
        Assert.Equal(WatchdogState.None, _file.Watchdog);
        _device.Calls.Clear();
        _keeper.Turn(_file, At(2));
        Assert.Empty(_device.Calls);
    }

    [Theory]
    [InlineData("/nowhere/watchdog", "watchdog")]
    [InlineData("/dev/null", "no watchdog")]
    public void What_is_no_watchdog_is_refused(string path, string said)
    {
        var error = Assert.ThrowsAny<IOException>(() => new LinuxWatchdog().Open(path, TimeSpan.FromSeconds(2)));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    private static long At(double seconds) => (long)((1000 + seconds) * 1_000_000_000);

    private sealed class FakeWatchdog : IWatchdogDevice
    {
        public List<string> Calls { get; } = [];

        public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(2);

        public TimeSpan Open(string path, TimeSpan timeout)
        {
            Calls.Add("open");
            return Timeout;
        }

        public void Feed() => Calls.Add("feed");

        public void Close() => Calls.Add("close");
    }
}
