namespace PgCluster.Engine.Switchover;

/// <summary>
/// The rule of a switchover, the same on every participant and driven by the log alone, so that all of them come to the same state. Whatever is out of
/// place cancels: a participant that appears or restarts during a run, a malformed hello, a leader that falls silent. Nobody stays paused outside a run.
/// </summary>
public static class SwitchoverStateMachine
{
    /// <summary>Folds the next message of the log.</summary>
    /// <param name="view">What was known before.</param>
    /// <param name="message">The message.</param>
    /// <param name="self">This participant; the nil id for somebody who only watches.</param>
    public static SwitchoverTransition Apply(SwitchoverView view, SwitchoverMessage message, Guid self)
    {
        var transition = Decide(view, message, self);

        // Signs of life: anybody's while resetting, the leader's during a run. Entering a run starts the count.
        var after = transition.View;
        var counts = after.State == SwitchoverState.Resetting || (after.IsRunning && (message.Node == after.Leader || !view.IsRunning));
        return counts
            ? new(after with { Heard = message.Id }, [.. transition.Effects, new StartTimer(SwitchoverTimer.Silence, message.Id)])
            : transition;
    }

    /// <summary>A timer has elapsed. One that belongs to something past does nothing.</summary>
    /// <param name="view">What is known.</param>
    /// <param name="timer">Which timer.</param>
    /// <param name="token">What it belonged to.</param>
    /// <param name="self">This participant.</param>
    public static SwitchoverTransition Elapse(SwitchoverView view, SwitchoverTimer timer, Guid token, Guid self) => timer switch
    {
        SwitchoverTimer.HelloWindow when view.State == SwitchoverState.Resetting && view.Leader == self && token == view.Current =>
            new(view, [new AppendMessage(SwitchoverMessageType.ResetEnd, view.Current)]),
        SwitchoverTimer.Silence when view.State == SwitchoverState.Resetting && token == view.Heard => new(
            view with
            {
                State = SwitchoverState.Unknown,
                LastError = view.Leader is null ? "reset failed: no participant can execute" : "reset failed: its leader fell silent",
            },
            [new CancelAndResume()]),
        SwitchoverTimer.Silence when view.IsRunning && token == view.Heard => Abort(view, "the leader fell silent"),
        SwitchoverTimer.Pausing when view.State == SwitchoverState.Pausing && view.Leader == self && token == view.Current =>
            Abort(view, $"not paused in time: {string.Join(", ", view.Nodes.Keys.Except(view.Paused))}"),
        _ => new(view, []),
    };

    /// <summary>The log cannot be followed any more: what is known may be wrong, so nothing may depend on it.</summary>
    /// <param name="view">What was known.</param>
    /// <param name="why">What happened, in words.</param>
    public static SwitchoverTransition LoseTrack(SwitchoverView view, string why) => Abort(view, why);

    private static SwitchoverTransition Decide(SwitchoverView view, SwitchoverMessage message, Guid self) => (view.State, message.Type) switch
    {
        (_, SwitchoverMessageType.Reset) => new(
            SwitchoverView.Initial with { State = SwitchoverState.Resetting, Current = message.Id, Reset = message.Id },
            [new CancelAndResume(), new SendHello(message.Id)]),

        // Each participant that gives up says so; one that is late must not end what was begun after the next reset.
        (_, SwitchoverMessageType.Cancel) => message.AckId != Guid.Empty && message.AckId != view.Reset ? new(view, []) : new(
            view with { State = SwitchoverState.Unknown, LastError = SwitchoverMessageText.ToText(message.Data) ?? view.LastError },
            [new CancelAndResume()]),
        (_, SwitchoverMessageType.Error) => message.AckId != view.Current ? new(view, []) : new(
            view with { State = SwitchoverState.Unknown, LastError = SwitchoverMessageText.ToText(message.Data) ?? "an error that cannot be read" },
            [new CancelAndResume()]),
        (_, SwitchoverMessageType.Status) => message.AckId != view.Current ? new(view, []) : new(
            view with { LastStatus = SwitchoverMessageText.ToText(message.Data) ?? view.LastStatus }, []),
        (SwitchoverState.Unknown, _) => new(view, [new CancelAndResume()]),
        _ when message.AckId != view.Current => Unexpected(view, message),
        (SwitchoverState.Resetting, SwitchoverMessageType.Hello) => Register(view, message, self),
        (SwitchoverState.Resetting, SwitchoverMessageType.ResetEnd) => new(view with { State = SwitchoverState.Idle, Current = message.Id }, []),
        (SwitchoverState.Idle, SwitchoverMessageType.Execute) => new(
            view with { State = SwitchoverState.Syncing, Current = message.Id },
            view.Leader == self ? [new StartSync(message.Id)] : []),
        (SwitchoverState.Syncing, SwitchoverMessageType.Pause) => new(
            view with { State = SwitchoverState.Pausing, Current = message.Id },
            view.Leader == self
                ? [new PauseApplication(message.Id), new StartTimer(SwitchoverTimer.Pausing, message.Id)]
                : [new PauseApplication(message.Id)]),
        (SwitchoverState.Pausing, SwitchoverMessageType.Paused) when view.Nodes.ContainsKey(message.Node) => MarkPaused(view, message, self),
        (SwitchoverState.Executing, SwitchoverMessageType.Done) => new(
            view with { State = SwitchoverState.Done, Current = message.Id }, [new CancelAndResume()]),
        _ => Unexpected(view, message),
    };

    private static SwitchoverTransition Register(SwitchoverView view, SwitchoverMessage message, Guid self)
    {
        // Left out, it would neither be waited for nor paused, and would write on: better no run at all.
        if (SwitchoverMessageText.ToNode(message.Data) is not { } node)
        {
            return Abort(view, $"malformed hello from {message.Node}");
        }

        var leads = view.Leader is null && node.CanExec;
        var after = view with { Nodes = view.Nodes.SetItem(message.Node, node), Leader = leads ? message.Node : view.Leader };
        return new(after, leads && message.Node == self ? [new StartTimer(SwitchoverTimer.HelloWindow, view.Current)] : []);
    }

    private static SwitchoverTransition MarkPaused(SwitchoverView view, SwitchoverMessage message, Guid self)
    {
        var paused = view.Paused.Add(message.Node);
        return paused.Count < view.Nodes.Count
            ? new(view with { Paused = paused }, [])
            : new(
                view with { State = SwitchoverState.Executing, Current = message.Id, Paused = paused },
                view.Leader == self ? [new StartExec(message.Id)] : []);
    }

    private static SwitchoverTransition Unexpected(SwitchoverView view, SwitchoverMessage message) => Abort(
        view, $"unexpected or invalid message: {SwitchoverMessageText.NameOf(message.Type)} from {message.Node} while {view.State}");

    private static SwitchoverTransition Abort(SwitchoverView view, string why) => view.State == SwitchoverState.Unknown
        ? new(view, [new CancelAndResume()])
        : new(
            view with { State = SwitchoverState.Unknown, LastError = why },
            [new CancelAndResume(), new AppendMessage(SwitchoverMessageType.Cancel, view.Reset, why)]);
}
