using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Unit.Process;

public sealed class ProcessSleepTests
{
    [Theory]
    [InlineData("S (sleeping)", "0000000000000000", "0000000000000001", true, true)]
    [InlineData("S (sleeping)", "0000000000000001", "0000000000000000", true, true)]
    [InlineData("S (sleeping)", "0000000000000000", "0000000000000200", true, false)]
    [InlineData("R (running)", "0000000000000000", "0000000000000000", false, false)]
    [InlineData("D (disk sleep)", "0000000000000000", "0000000000000000", false, false)]
    public void State_and_signals(string state, string own, string shared, bool isAsleep, bool isPending)
    {
        var sleep = ProcessSleep.Parse(
            $"Name:\tpostgres\nState:\t{state}\nSigPnd:\t{own}\nShdPnd:\t{shared}\nvoluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t1\n");
        Assert.Equal((isAsleep, isPending, 42L), (sleep.IsAsleep, sleep.IsPending(UnixSignal.Hangup), sleep.Switches));
    }

    [Fact]
    public void This_process_has_one_and_no_process_has_none()
    {
        Assert.True(ProcessSleep.Read(Environment.ProcessId)!.Switches > 0);
        Assert.Null(ProcessSleep.Read(int.MaxValue));
    }
}
