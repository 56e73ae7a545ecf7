using FsCheck;
using FsCheck.Fluent;
using PgCluster.Engine.Switchover;
using static PgCluster.Tests.Unit.Switchover.Messages;
using S = PgCluster.SwitchoverState;
using T = PgCluster.Engine.Switchover.SwitchoverMessageType;

namespace PgCluster.Tests.Unit.Switchover;

public sealed class SwitchoverStateMachineTests
{
    private static readonly S[] States = Enum.GetValues<S>();
    private static readonly T[] Types = Enum.GetValues<T>();

    /// <summary>What moves on, when it answers the current message; all the rest of the table follows from the general rules.</summary>
    private static readonly Dictionary<(S, T), S> Moves = new()
    {
        [(S.Resetting, T.Hello)] = S.Resetting,
        [(S.Resetting, T.ResetEnd)] = S.Idle,
        [(S.Idle, T.Execute)] = S.Syncing,
        [(S.Syncing, T.Pause)] = S.Pausing,
        [(S.Pausing, T.Paused)] = S.Pausing,
        [(S.Executing, T.Done)] = S.Done,
    };

    public static TheoryData<S, T, bool> Table
    {
        get
        {
            var table = new TheoryData<S, T, bool>();
            foreach (var state in States)
            {
                foreach (var type in Types)
                {
                    table.Add(state, type, true);
                    table.Add(state, type, false);
                }
            }

            return table;
        }
    }

    [Theory]
    [MemberData(nameof(Table))]
    public void A6_every_message_in_every_state(S state, T type, bool answersCurrent)
    {
        var before = ViewIn(state);
        var message = Message(type, !answersCurrent ? Id(77) : type == T.Cancel ? before.Reset : before.Current, Leader);

        var (after, all) = SwitchoverStateMachine.Apply(before, message, Other);
        var effects = all.Where(effect => effect is not StartTimer).ToList();

        switch (type)
        {
            case T.Reset:
                Assert.Equal(S.Resetting, after.State);
                Assert.Equal([new CancelAndResume(), new SendHello(message.Id)], effects);
                Assert.Equal(SwitchoverView.Initial with { State = S.Resetting, Current = message.Id, Reset = message.Id, Heard = message.Id }, after);
                break;
            case T.Cancel when answersCurrent:
                Assert.Equal(S.Unknown, after.State);
                Assert.Equal([new CancelAndResume()], effects);
                break;
            case T.Error when answersCurrent:
                Assert.Equal((S.Unknown, "text of Error"), (after.State, after.LastError));
                Assert.Equal([new CancelAndResume()], effects);
                break;
            case T.Status when answersCurrent:
                Assert.Equal(before with { LastStatus = "text of Status", Heard = after.Heard }, after);
                Assert.Empty(effects);
                break;
            case T.Error or T.Status or T.Cancel:
                Assert.Equal(before with { Heard = after.Heard }, after);
                Assert.Empty(effects);
                break;
            default:
                if (answersCurrent && Moves.TryGetValue((state, type), out var next))
                {
                    Assert.Equal(next, after.State);
                    Assert.Equal(type is T.Hello or T.Paused ? before.Current : message.Id, after.Current);
                    SwitchoverEffect[] expected = type switch
                    {
                        T.Pause => [new PauseApplication(message.Id)],
                        T.Done => [new CancelAndResume()],
                        _ => [],
                    };
                    Assert.Equal(expected, effects);
                }
                else
                {
                    Assert.Equal(S.Unknown, after.State);
                    Assert.Equal(new CancelAndResume(), effects[0]);
                    if (state == S.Unknown)
                    {
                        Assert.Single(effects);
                        Assert.Equal(before, after);
                    }
                    else
                    {
                        var cancel = Assert.IsType<AppendMessage>(Assert.Single(effects.Skip(1)));
                        Assert.Equal((T.Cancel, before.Reset), (cancel.Type, cancel.AckId));
                        Assert.StartsWith("unexpected or invalid message: ", cancel.Text, StringComparison.Ordinal);
                        Assert.Equal(cancel.Text, after.LastError);
                    }
                }

                break;
        }
    }

    [Fact]
    public void The_leader_counts_syncs_pauses_and_executes()
    {
        var view = SwitchoverView.Initial;
        Send(T.Reset, Guid.Empty, Other);
        Assert.Equal([new StartTimer(SwitchoverTimer.HelloWindow, view.Current)], Send(T.Hello, view.Current, Leader, Data(canExec: true)).SkipLast(1));
        Send(T.Hello, view.Current, Other, Data(canExec: true));
        Assert.Equal((Leader, 2), (view.Leader, view.Nodes.Count));
        Assert.Equal(
            [new AppendMessage(T.ResetEnd, view.Current)], SwitchoverStateMachine.Elapse(view, SwitchoverTimer.HelloWindow, view.Current, Leader).Effects);
        Assert.Empty(SwitchoverStateMachine.Elapse(view, SwitchoverTimer.HelloWindow, view.Current, Other).Effects);
        Assert.Empty(SwitchoverStateMachine.Elapse(view, SwitchoverTimer.HelloWindow, Id(5), Leader).Effects);

        Assert.Empty(Send(T.ResetEnd, view.Current, Leader));
        var effects = Send(T.Execute, view.Current, Other);
        Assert.Equal([new StartSync(view.Current), new StartTimer(SwitchoverTimer.Silence, view.Current)], effects);
        effects = Send(T.Pause, view.Current, Leader);
        Assert.Equal(
            [new PauseApplication(view.Current), new StartTimer(SwitchoverTimer.Pausing, view.Current), new StartTimer(SwitchoverTimer.Silence, view.Current)],
            effects);
        Assert.Empty(Send(T.Paused, view.Current, Other));
        Assert.Empty(Send(T.Paused, view.Current, Other));
        Assert.Equal(S.Pausing, view.State);
        effects = Send(T.Paused, view.Current, Leader);
        Assert.Equal([new StartExec(view.Current), new StartTimer(SwitchoverTimer.Silence, view.Current)], effects);
        Assert.Equal(S.Executing, view.State);
        Send(T.Done, view.Current, Leader);
        Assert.Equal(S.Done, view.State);

        IReadOnlyList<SwitchoverEffect> Send(T type, Guid ack, Guid from, string? data = null)
        {
            var transition = SwitchoverStateMachine.Apply(view, Message(type, ack, from, data), Leader);
            view = transition.View;
            return transition.Effects;
        }
    }

    [Fact]
    public void An_operators_cancel_counts_always_and_a_participants_only_for_its_own_reset()
    {
        foreach (var state in States.Where(state => state != S.Unknown))
        {
            var view = ViewIn(state);
            var (late, effects) = SwitchoverStateMachine.Apply(view, Message(T.Cancel, Id(8), Other), Leader);
            Assert.Equal(state, late.State);
            Assert.DoesNotContain(new CancelAndResume(), effects);
            Assert.Equal(S.Unknown, SwitchoverStateMachine.Apply(view, Message(T.Cancel, Guid.Empty, Stranger), Leader).View.State);
        }
    }

    [Fact]
    public void A_malformed_hello_cancels_and_breaks_nobody()
    {
        foreach (var data in new[] { "{", "3", "{}", "null", """{"can_exec": "x"}""" })
        {
            var resetting = SwitchoverStateMachine.Apply(SwitchoverView.Initial, Message(T.Reset, Guid.Empty, Leader), Other).View;

            var (after, effects) = SwitchoverStateMachine.Apply(resetting, Message(T.Hello, resetting.Current, Stranger, data), Other);

            Assert.Equal(S.Unknown, after.State);
            Assert.Contains(effects, effect => effect is AppendMessage { Type: T.Cancel });
            var again = SwitchoverStateMachine.Apply(after, Message(T.Reset, Guid.Empty, Leader), Other).View;
            Assert.Single(SwitchoverStateMachine.Apply(again, Message(T.Hello, again.Current, Other), Other).View.Nodes);
        }
    }

    [Theory]
    [InlineData(S.Idle)]
    [InlineData(S.Syncing)]
    [InlineData(S.Pausing)]
    [InlineData(S.Executing)]
    public void SW_11_a_node_that_appears_aborts(S state)
    {
        var (after, effects) = SwitchoverStateMachine.Apply(ViewIn(state), Message(T.Hello, Guid.Empty, Stranger), Other);

        Assert.Equal(S.Unknown, after.State);
        Assert.Equal([typeof(CancelAndResume), typeof(AppendMessage)], effects.Select(effect => effect.GetType()));
    }

    [Fact]
    public void SW_12_silence_after_a_reset_ends_in_unknown()
    {
        var reset = Message(T.Reset, Guid.Empty, Other);
        var view = SwitchoverStateMachine.Apply(SwitchoverView.Initial, reset, Other).View;
        var hello = Message(T.Hello, view.Current, Other);
        var heard = SwitchoverStateMachine.Apply(view, hello, Other).View;

        Assert.Equal(heard, SwitchoverStateMachine.Elapse(heard, SwitchoverTimer.Silence, reset.Id, Other).View);
        var (after, effects) = SwitchoverStateMachine.Elapse(heard, SwitchoverTimer.Silence, hello.Id, Other);
        Assert.Equal((S.Unknown, "reset failed: no participant can execute"), (after.State, after.LastError));
        Assert.Equal([new CancelAndResume()], effects);
    }

    [Theory]
    [InlineData(S.Syncing)]
    [InlineData(S.Pausing)]
    [InlineData(S.Executing)]
    public void A_silent_leader_ends_the_run(S state)
    {
        var view = ViewIn(state);
        var fromOther = SwitchoverStateMachine.Apply(view, Message(T.Status, Id(3), Other), Other).View;
        Assert.Equal(view.Heard, fromOther.Heard);
        var fromLeader = SwitchoverStateMachine.Apply(view, Message(T.Status, Id(3), Leader), Other).View;
        Assert.Equal(S.Unknown, SwitchoverStateMachine.Elapse(fromOther, SwitchoverTimer.Silence, view.Heard, Other).View.State);
        Assert.Equal(state, SwitchoverStateMachine.Elapse(fromLeader, SwitchoverTimer.Silence, view.Heard, Other).View.State);

        var (after, effects) = SwitchoverStateMachine.Elapse(view, SwitchoverTimer.Silence, view.Heard, Other);

        Assert.Equal((S.Unknown, "the leader fell silent"), (after.State, after.LastError));
        Assert.Equal([new CancelAndResume(), new AppendMessage(T.Cancel, view.Reset, "the leader fell silent")], effects);
    }

    [Fact]
    public void A_participant_that_never_pauses_ends_the_run()
    {
        var view = ViewIn(S.Pausing);

        var (after, effects) = SwitchoverStateMachine.Elapse(view, SwitchoverTimer.Pausing, view.Current, Leader);

        Assert.Equal(S.Unknown, after.State);
        Assert.Contains(Other.ToString(), after.LastError, StringComparison.Ordinal);
        Assert.Equal(2, effects.Count);
        Assert.Empty(SwitchoverStateMachine.Elapse(view, SwitchoverTimer.Pausing, Id(4), Leader).Effects);
    }

    [Fact]
    public void No_sequence_leaves_a_node_paused_outside_a_run()
    {
        // Steps are biased to the message that moves on, or runs would hardly ever get far.
        var step = Gen.Choose(0, 99).SelectMany(dice => Gen.Elements(Types).SelectMany(type => Gen.Choose(1, 3).Select(node => (dice, type, node))));
        Prop.ForAll(step.ListOf().Select(steps => steps.ToList()).ToArbitrary(), steps =>
        {
            foreach (var self in new[] { Leader, Other, Stranger })
            {
                var view = SwitchoverView.Initial;
                var paused = false;
                foreach (var (dice, type, node) in steps)
                {
                    var transition = dice switch
                    {
                        < 3 => SwitchoverStateMachine.Elapse(view, SwitchoverTimer.Silence, view.Heard, self),
                        < 6 => SwitchoverStateMachine.Elapse(view, SwitchoverTimer.Pausing, view.Current, self),
                        < 8 => SwitchoverStateMachine.LoseTrack(view, "gap"),
                        < 80 => SwitchoverStateMachine.Apply(view, Message(Forward(view), view.Current, Node(node)), self),
                        _ => SwitchoverStateMachine.Apply(view, Message(type, dice < 90 ? view.Current : Id(dice), Node(node)), self),
                    };
                    view = transition.View;
                    foreach (var effect in transition.Effects)
                    {
                        paused = effect is PauseApplication || (paused && effect is not CancelAndResume);
                    }

                    if (paused && !view.IsRunning)
                    {
                        return false;
                    }
                }
            }

            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(500).WithEndSize(60));
    }

    [Fact]
    public void The_property_reaches_pauses()
    {
        // What the property above walks through has to come to a pause at all, or it would hold of anything.
        var view = SwitchoverView.Initial;
        var states = new List<S>();
        foreach (var node in new[] { 1, 1, 2, 1, 1, 1, 1, 2, 1 })
        {
            view = SwitchoverStateMachine.Apply(view, Message(view.Nodes.Count == 1 ? T.Hello : Forward(view), view.Current, Node(node)), Other).View;
            states.Add(view.State);
        }

        Assert.Equal([S.Resetting, S.Resetting, S.Resetting, S.Idle, S.Syncing, S.Pausing, S.Pausing, S.Executing, S.Done], states);
    }

    private static T Forward(SwitchoverView view) => view.State switch
    {
        S.Unknown or S.Done => T.Reset,
        S.Resetting => view.Nodes.IsEmpty ? T.Hello : T.ResetEnd,
        S.Idle => T.Execute,
        S.Syncing => T.Pause,
        S.Pausing => T.Paused,
        _ => T.Done,
    };
}
