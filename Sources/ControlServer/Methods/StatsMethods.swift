import ControlAPI

extension MethodTable {
  static func statsMethods(_ context: MethodContext) -> [MethodEntry] {
    let engine = context.engine
    let views = context.views
    return [
      MethodEntry(
        .statsGet, "Every counter, since the engine's start or since a view was reset",
        role: .viewer
      ) { (_, parameters: StatsGetParameters) in
        if let view = parameters.view { try views.expect(view) }
        return try views.stats(of: parameters.view, from: engine.stats())
      },
      MethodEntry(
        .statsReset, "Lets a view's counters begin at nought again; the engine's own go on",
        role: .viewer, errors: [.limitExceeded]
      ) { (_, parameters: StatsResetParameters) in
        try views.reset(parameters.view, to: engine.stats())
      },
      MethodEntry(
        .statsSubscribe,
        "Sends the counters as `stats.update` notifications: at once, and then at a period",
        role: .viewer, errors: [.limitExceeded]
      ) { (peer, parameters: StatsSubscribeParameters) in
        if let view = parameters.view { try views.expect(view) }
        let number = try peer.session.subscribe(
          Subscription(periodSeconds: parameters.periodSeconds, view: parameters.view),
          limit: context.limits.subscriptionsPerClient)
        return SubscriptionAnswer(subscription: number)
      },
      MethodEntry(
        .statsUnsubscribe, "Ends a subscription; no notification of it comes after the answer",
        role: .viewer
      ) { (peer, parameters: UnsubscribeParameters) in
        try peer.session.unsubscribe(parameters.subscription)
        return SubscriptionAnswer(subscription: parameters.subscription)
      },
    ]
  }
}
