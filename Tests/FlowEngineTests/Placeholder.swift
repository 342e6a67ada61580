// Tests of FlowEngine.
